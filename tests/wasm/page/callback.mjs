// Where users come back to, in a window that is closed then, or instead of the page.

import { handOver } from "/package/index.mjs";
import { client, tell } from "./client.mjs";

await tell(async () => {
  if (await handOver()) return "Handed over";
  const oauth = await client();
  const url = await oauth.comeBack();
  if (url === null) return `Session: ${oauth.status.status}`;
  location.replace(url);
  return "Leaving";
});
