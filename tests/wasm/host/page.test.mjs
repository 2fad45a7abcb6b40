// The host as a page has it: a user who leaves and comes back, and errors that say what only a host can know.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { pathToFileURL } from "node:url";

import { exchange, headOf } from "./exchange.mjs";
import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";
import { addressAfter, count, file, ISSUER, module, pages, redirectUri, servers, URL_OF_SERVER } from "./servers.mjs";
import { MemoryStore } from "./store.mjs";

test("a login that leaves the page is finished in another, once", async (t) => {
  const seen = servers(t);
  const open = pages();
  const first = open();
  await assert.rejects(first.fetch(URL_OF_SERVER), { code: "login_required", actor: "the user" });
  const url = await first.begin();
  // What the server said about it was asked for.
  assert.equal(new URL(url).searchParams.get("scope"), "read");
  assert.equal(new URL(url).searchParams.get("redirect_uri"), redirectUri);
  assert.equal(count(seen, "/token"), 0);

  const address = addressAfter(url);
  const second = open();
  assert.equal(await second.comeBack(new URL(address)), null);
  assert.equal(second.status.status, "logged_in");
  for (const oauth of [open(), second, first]) assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
  for (const where of [address, new URL(address).search]) {
    await assert.rejects(open().comeBack(where), { code: "login_unknown" });
  }
  assert.equal(count(seen, "/token"), 1);
});

test("nobody finishes the login of another browser, and two of one do not meet", async (t) => {
  const seen = servers(t);
  const [mine, other] = [pages(), pages()];
  const urls = [await mine().begin(), await mine().begin()];
  await assert.rejects(other().comeBack(addressAfter(urls[0])), { code: "login_unknown" });
  await assert.rejects(mine().comeBack("?code=code"), { code: "login_unknown" });
  assert.equal(count(seen, "/token"), 0);
  for (const url of urls) assert.equal(await mine().comeBack(addressAfter(url)), null);
});

test("a login that comes too late is over, and a refusal is told", async (t) => {
  const seen = servers(t);
  const open = pages();
  const late = await open().begin({ within: -1 });
  await assert.rejects(open().comeBack(addressAfter(late)), { code: "login_expired" });
  const refused = addressAfter(await open().begin()).replace("code=code", "error=access_denied");
  await assert.rejects(open().comeBack(refused), /access_denied/);
  assert.equal(count(seen, "/token"), 0);
  // No lock was left behind.
  assert.equal(await open().comeBack(addressAfter(await open().begin())), null);
});

test("what is asked of one login is in its address", async (t) => {
  servers(t);
  const url = await pages()().begin({ login_hint: "ann@example.com", prompt: ["login"], add_scope: "write" });
  const { login_hint, prompt, scope } = Object.fromEntries(new URL(url).searchParams);
  assert.deepEqual([login_hint, prompt, scope], ["ann@example.com", "login", "read write"]);
});

test("a logout says what became of the tokens", async (t) => {
  const seen = servers(t);
  const open = pages();
  await open().comeBack(addressAfter(await open().begin()));
  const oauth = open();
  const { refresh_token, access_token } = await oauth.logout();
  assert.deepEqual([refresh_token.fate, access_token.fate], ["revoked", "revoked"]);
  assert.equal(count(seen, "/revoke"), 2);
  await assert.rejects(oauth.fetch(URL_OF_SERVER), { code: "login_required" });
});

test("a page is told that it may be CORS, and where; other programs are not", async (t) => {
  const gone = () => Promise.reject(new TypeError("Failed to fetch"));
  servers(t, { "/token": gone });
  t.after(() => delete globalThis.location);
  const open = pages();
  const cors = /no answer from https:\/\/as\.example\.com\/token: CORS\? .*https:\/\/app\.example\.com/;
  for (const [location, advice] of [
    [undefined, /^(?!.*CORS)/],
    [{ origin: "https://app.example.com" }, cors],
    [{ origin: ISSUER }, /^(?!.*CORS)/],
  ]) {
    const address = addressAfter(await open().begin());
    globalThis.location = location;
    await assert.rejects(open().comeBack(address), { code: "unreachable", retryable: true, advice });
    delete globalThis.location;
  }
});

test("a request of the application without an answer says the same in a page", async (t) => {
  const error = new TypeError("Failed to fetch");
  servers(t, { "/mcp": () => Promise.reject(error) });
  t.after(() => delete globalThis.location);
  await assert.rejects(pages()().fetch(URL_OF_SERVER), error);
  globalThis.location = { origin: "https://app.example.com" };
  const told = { code: "unreachable", advice: /mcp\.example\.com\/mcp: CORS\?/, cause: error };
  await assert.rejects(pages()().fetch(URL_OF_SERVER), told);
});

test("a mistake is thrown, and is not taken for a network that is down", async (t) => {
  const request = { method: "POST", url: URL_OF_SERVER, headers: [], body: "x", read_at_most: 10 };
  servers(t, { "/mcp": () => Promise.reject(new RangeError("a mistake")) });
  await assert.rejects(exchange(request), RangeError);
  // `fetch` would say that with the same kind of error as a network that is down.
  await assert.rejects(exchange({ ...request, headers: [["not a name", "x"]] }), TypeError);
  const reset = new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
  servers(t, { "/mcp": () => Promise.reject(reset) });
  const silence = { obstacle: "connection", words: "fetch failed: ECONNRESET" };
  assert.deepEqual(await exchange(request), { silence });
});

test("a redirect that cannot be read is one that leads nowhere", () => {
  assert.deepEqual(headOf({ type: "opaqueredirect", status: 0 }), { status: 302, headers: [] });
});

test("a store that fails once more is asked again where something was spent", async (t) => {
  servers(t);
  const store = new MemoryStore();
  const save = store.save;
  let failures = 0;
  const fails = async (...all) => {
    if (failures++ < 2) throw new Error("the disk is full");
    return save.apply(store, all);
  };
  const open = () => new OAuth(module, { server_url: URL_OF_SERVER }, { redirectUri, store });
  const address = addressAfter(await open().begin());
  store.save = fails;
  assert.equal(await open().comeBack(address), null);
  assert.ok(failures > 2);
  assert.match(await store.load(), /refresh/);
  store.load = () => Promise.reject(new Error("the disk is gone"));
  await assert.rejects(open().fetch(URL_OF_SERVER), /the disk is gone/);
});

test("the module is loaded from wherever it is", async (t) => {
  const bytes = await readFile(file);
  const head = (type) => ({ headers: { "content-type": type } });
  t.mock.method(globalThis, "fetch", async (url) =>
    url.endsWith("/gone") ? new Response("", { status: 404 }) : new Response(bytes, head("text/plain")),
  );
  for (const source of [
    file,
    pathToFileURL(file),
    pathToFileURL(file).href,
    bytes,
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    new WebAssembly.Module(bytes),
    new Response(bytes, head("application/wasm")),
    new Response(bytes, head("application/wasm; x=y")),
    Promise.resolve(new Response(bytes)),
    "https://app.example.com/oauth.wasm",
  ]) {
    const call = await load(source);
    assert.ok(call("open", 0, { settings: { server_url: URL_OF_SERVER } }).session > 0);
  }
  await assert.rejects(load("https://app.example.com/gone"), /status 404/);
});
