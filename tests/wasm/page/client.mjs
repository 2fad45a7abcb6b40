// What both pages have in common: the client, and the line that says how it went.

import { IndexedDbStore, load, OAuth } from "/package/index.mjs";

/** Of which of the two servers this tab is a client. */
const servers = await (await fetch("/servers.json")).json();
const chosen = new URLSearchParams(location.search).get("server");
if (chosen in servers) sessionStorage.server = chosen;
export const server = servers[sessionStorage.server ?? "first"];

export const client = async () => {
  const store = new IndexedDbStore(server);
  const redirectUri = new URL("/callback.html", location.origin).href;
  const dpopKey = await store.dpopKey();
  return new OAuth(await load(), { server_url: server, client_name: "A page" }, { redirectUri, store, dpopKey });
};

/** Does it, and says what came of it. */
export async function tell(work) {
  const said = document.getElementById("said");
  said.textContent = "Working";
  try {
    said.textContent = await work();
  } catch (error) {
    said.textContent = `Error ${error.code ?? error.name}: ${error.message} (${error.advice ?? "no advice"})`;
  }
}
