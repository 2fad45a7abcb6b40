// What must not cost a user their login, or an application its answer: stores that fail, records that cannot be read, answers
// that break, many calls at once, and calls that are given up.

import assert from "node:assert/strict";
import test from "node:test";

import { addressAfter, count, pages, redirectUri, servers, URL_OF_SERVER } from "./servers.mjs";
import { MemoryStore } from "./store.mjs";

const loggedIn = async (open) => {
  const oauth = open();
  assert.equal(await oauth.comeBack(addressAfter(await open().begin())), null);
  return oauth;
};

test("tokens that cannot be stored are used all the same, and the story of the login is told", async (t) => {
  servers(t);
  const store = new MemoryStore();
  const open = pages(store);
  const address = addressAfter(await open().begin());
  store.save = () => Promise.reject(new Error("there is no room"));
  const oauth = open();
  assert.equal(await oauth.comeBack(address), null);
  assert.equal(oauth.status.status, "logged_in");
  assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
  assert.match(oauth.timeline, /token/);
});

test("a login whose answer did not come can be finished with the same address", async (t) => {
  let isDown = true;
  const tokens = { access_token: "access", token_type: "Bearer", expires_in: 3600 };
  servers(t, {
    "/token": () => {
      if (isDown) throw new TypeError("fetch failed");
      return new Response(JSON.stringify(tokens));
    },
  });
  const open = pages();
  const address = addressAfter(await open().begin());
  await assert.rejects(open().comeBack(address), { code: "unreachable", retryable: true });
  isDown = false;
  assert.equal(await open().comeBack(address), null);
  await assert.rejects(open().comeBack(address), { code: "login_unknown" });
});

test("an address without its origin is enough", async (t) => {
  servers(t);
  const open = pages();
  const path = addressAfter(await open().begin()).slice(new URL(redirectUri).origin.length);
  assert.match(path, /^\/callback\?/);
  assert.equal(await open().comeBack(`${path}#part`), null);
});

test("what a store gives that is no login is told without quoting it", async (t) => {
  servers(t);
  for (const text of ["verifier-secret", undefined, "null"]) {
    const store = new MemoryStore();
    store.take = async () => text;
    const comes = pages(store)().comeBack(`${redirectUri}?code=code&state=state`);
    const error = await comes.catch((error) => error);
    assert.equal(error.code, "login_unknown");
    assert.doesNotMatch(`${error.message} ${error.cause}`, /secret/);
  }
});

test("a record that cannot be read costs a login, and not all of them", async (t) => {
  servers(t);
  const store = new MemoryStore();
  const open = pages(store);
  await loggedIn(open);
  const generation = await store.save("{", 0, -1);
  await store.save("{", generation + 1, generation);
  await assert.rejects(open().fetch(URL_OF_SERVER), { code: "login_required" });
  assert.equal((await (await loggedIn(open)).fetch(URL_OF_SERVER)).status, 200);

  // The stores erase what is there, and nothing that has come in between.
  const other = new MemoryStore();
  await other.save("one", 1, 0);
  await other.erase("another");
  assert.equal(await other.load(), "one");
  await other.erase("one");
  assert.equal(await other.load(), null);
});

test("a refusal whose body breaks is followed by what it asks for", async (t) => {
  servers(t);
  const oauth = await loggedIn(pages());
  let isRefused = true;
  const breaks = new ReadableStream({ start: (it) => it.error(new TypeError("terminated")) });
  const challenge = 'Bearer error="invalid_token"';
  const seen = servers(t, {
    "/mcp": () => {
      if (!isRefused) return new Response("answer");
      isRefused = false;
      return new Response(breaks, { status: 401, headers: { "www-authenticate": challenge } });
    },
  });
  assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
  assert.equal(count(seen, "/mcp"), 2, "the token is new, so it was tried again");
});

test("of hundreds of calls at once each has its answer, and those that fail leave nothing", async (t) => {
  servers(t);
  const oauth = await loggedIn(pages());
  let fails = false;
  servers(t, {
    "/mcp": async () => {
      if (fails) throw new TypeError("fetch failed");
      await new Promise((done) => setTimeout(done, 20));
      return new Response("answer");
    },
  });
  const all = await Promise.all(Array.from({ length: 300 }, () => oauth.fetch(URL_OF_SERVER)));
  assert.ok(all.every((answer) => answer.status === 200));
  const slow = oauth.fetch(URL_OF_SERVER);
  await new Promise((done) => setTimeout(done, 5));
  fails = true;
  const failed = await Promise.allSettled(Array.from({ length: 300 }, () => oauth.fetch(URL_OF_SERVER)));
  assert.ok(failed.every(({ status }) => status === "rejected"));
  assert.equal((await slow).status, 200);
});

test("a call that is given up waits for nothing, and says so with its own reason", async (t) => {
  const soon = () => {
    const control = new AbortController();
    setTimeout(() => control.abort(new DOMException("it took too long", "TimeoutError")), 20);
    return control.signal;
  };
  servers(t, { "/token": () => new Promise(() => {}) });
  t.after(() => delete globalThis.location);
  const open = pages();
  const oauth = open();
  // Nobody else of this client gets a turn any more.
  oauth.comeBack(addressAfter(await open().begin())).catch(() => {});
  await new Promise((done) => setTimeout(done, 20));
  await assert.rejects(oauth.fetch(URL_OF_SERVER, { signal: soon() }), { name: "TimeoutError" });

  // Nor is it told that it may be CORS.
  globalThis.location = { origin: "https://app.example.com" };
  servers(t, { "/mcp": ({ signal }) => new Promise((_, reject) => (signal.onabort = () => reject(signal.reason))) });
  await assert.rejects(open().fetch(URL_OF_SERVER, { signal: soon() }), { name: "TimeoutError" });
  await assert.rejects(open().fetch(URL_OF_SERVER, { method: "GET", body: "x" }), TypeError);
});

test("a Request is as good as its parts, and its body is sent again", async (t) => {
  servers(t);
  const oauth = await loggedIn(pages());
  const bodies = [];
  let isRefused = true;
  servers(t, {
    "/mcp": ({ method, headers, body }) => {
      bodies.push([method, headers.get("x-a"), new TextDecoder().decode(body)]);
      if (!isRefused) return new Response("answer");
      isRefused = false;
      return new Response("", { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } });
    },
  });
  const request = new Request(URL_OF_SERVER, { method: "POST", headers: { "x-a": "1" }, body: "text" });
  assert.equal((await oauth.fetch(request)).status, 200);
  assert.deepEqual(bodies, [["POST", "1", "text"], ["POST", "1", "text"]]);
  assert.equal((await oauth.fetch(`${URL_OF_SERVER}`, null)).status, 200);
});
