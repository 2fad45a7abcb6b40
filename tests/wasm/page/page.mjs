// The page: a button for each thing that a client does.

import { client, server, tell } from "./client.mjs";

const on = (id, work) => document.getElementById(id).addEventListener("click", () => tell(work));
let oauth;

const call = (id) => {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list" });
  return oauth.fetch(server, { method: "POST", headers, body });
};
const how = () => {
  const { status, scopes } = oauth.status;
  return `Session: ${status}${scopes ? `, ${scopes}` : ""}`;
};
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

on("leave", async () => {
  const url = await oauth.begin();
  if (url !== null) location.assign(url);
  return "Leaving";
});
on("popup", async () => (await oauth.login(), how()));
on("late", async () => {
  // Longer than a browser takes a click for the reason.
  await sleep(6000);
  await oauth.login();
  return how();
});
on("call", async () => {
  const answer = await call(1);
  return `Answered ${answer.status}: ${await answer.text()}`;
});
on("calls", async () => {
  const [until, counts] = [Date.now() + 12_000, { answered: 0, failed: 0 }];
  let why = "";
  for (let id = 1; Date.now() < until; id += 1) {
    try {
      const answer = await call(id);
      counts[answer.ok ? "answered" : "failed"] += 1;
      await answer.body?.cancel();
    } catch (error) {
      counts.failed += 1;
      why = ` (${error.code ?? error})`;
    }
    await sleep(100);
  }
  return `${counts.answered} answered, ${counts.failed} failed${why}`;
});
on("logout", async () => {
  const { refresh_token, access_token } = await oauth.logout();
  return `Logged out: refresh token ${refresh_token.fate}, access token ${access_token.fate}`;
});

document.getElementById("server").textContent = server;
await tell(async () => {
  oauth = await client();
  return "Ready";
});
