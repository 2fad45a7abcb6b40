// A login in a window, without a browser: who waits for whom, and what ends it.

import assert from "node:assert/strict";
import test from "node:test";

import { handOver } from "./popup.mjs";
import { pages, redirectUri, servers } from "./servers.mjs";
import { MemoryStore } from "./store.mjs";

/** Locks as browsers have them, as far as this needs them. */
function locks() {
  const held = new Map();
  return {
    request: (name, work) => {
      const result = (held.get(name) ?? Promise.resolve()).then(() => work());
      const over = result.catch(() => {});
      held.set(name, over);
      over.then(() => held.get(name) === over && held.delete(name));
      return result;
    },
    query: async () => ({ held: [...held.keys()].map((name) => ({ name })) }),
  };
}

/** A window whose pages come back at once, with `answers` for one visit after the other. */
function window(t, answers) {
  const visited = [];
  t.mock.method(console, "error", () => {});
  Object.defineProperty(globalThis, "navigator", { value: { locks: locks() }, configurable: true });
  globalThis.close = () => {};
  const popup = {
    closed: false,
    close: () => (popup.closed = true),
    location: {
      replace: async (url) => {
        visited.push(url);
        const query = answers.shift()?.(new URL(url));
        if (query === undefined) return;
        // The page at the redirect URI is loaded after a while, and ends when it is replaced.
        await new Promise((done) => setTimeout(done, 5));
        const isWaitedFor = handOver(new URL(`${redirectUri}?${query}`));
        isWaitedFor.then((is) => visited.push(is));
      },
    },
  };
  return { popup, visited };
}

const state = (url) => url.searchParams.get("state");

test("a login in a window is finished by the page that waits for it", async (t) => {
  servers(t);
  const { popup, visited } = window(t, [(url) => `code=code&state=${state(url)}`]);
  const oauth = pages()();
  await oauth.login({ popup, watch: false });
  assert.equal(oauth.status.status, "logged_in");
  assert.equal(popup.closed, true);
  await new Promise((done) => setTimeout(done, 5));
  assert.equal(visited.at(-1), true);
});

test("a login whose request was pushed has its state nowhere in the address", async (t) => {
  let pushed;
  const metadata = {
    issuer: "https://as.example.com",
    authorization_endpoint: "https://as.example.com/authorize",
    token_endpoint: "https://as.example.com/token",
    registration_endpoint: "https://as.example.com/register",
    pushed_authorization_request_endpoint: "https://as.example.com/par",
    require_pushed_authorization_requests: true,
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"],
  };
  servers(t, {
    "/.well-known/oauth-authorization-server": () => new Response(JSON.stringify(metadata)),
    "/par": ({ body }) => {
      pushed = new URLSearchParams(new TextDecoder().decode(new TextEncoder().encode(body))).get("state");
      return new Response(JSON.stringify({ request_uri: "urn:x:1", expires_in: 60 }), { status: 201 });
    },
  });
  const { popup, visited } = window(t, [() => `code=code&state=${pushed}`]);
  const oauth = pages()();
  await oauth.login({ popup, watch: false });
  assert.equal(new URL(visited[0]).searchParams.get("state"), null);
  assert.equal(oauth.status.status, "logged_in");
});

test("a user who has to go there once more goes there in the same window", async (t) => {
  servers(t);
  const { popup, visited } = window(t, [
    (url) => `error=invalid_scope&state=${state(url)}`,
    (url) => `code=code&state=${state(url)}`,
  ]);
  const oauth = pages()();
  await oauth.login({ popup });
  assert.equal(oauth.status.status, "logged_in");
  assert.equal(visited.filter((it) => typeof it === "string").length, 2);
});

test("a login that is given up ends at once, wherever it is, and holds nobody up", async (t) => {
  const seen = servers(t);
  const store = new MemoryStore();
  const release = await store.lock("login");
  const open = pages(store);
  for (const giveUp of [(popup) => popup.close(), (_, control) => control.abort()]) {
    const { popup } = window(t, []);
    const control = new AbortController();
    const oauth = open();
    const login = oauth.login({ popup, signal: control.signal });
    setTimeout(() => giveUp(popup, control), 20);
    await assert.rejects(login, { code: "cancelled" });
    // Others of this client go on.
    await assert.rejects(oauth.fetch("https://mcp.example.com/mcp"), { code: "login_required" });
  }
  release();
  const { popup } = window(t, [(url) => `code=code&state=${state(url)}`]);
  const oauth = open();
  await oauth.login({ popup, watch: false });
  assert.equal(oauth.status.status, "logged_in");

  seen.length = 0;
  const before = pages()().login({ popup: window(t, []).popup, signal: AbortSignal.abort() });
  await assert.rejects(before, { code: "cancelled" });
  assert.deepEqual(seen, []);
});
