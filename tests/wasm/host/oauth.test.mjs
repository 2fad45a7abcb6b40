// The host: what it makes of a world behind `fetch`.

import assert from "node:assert/strict";
import test from "node:test";

import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";
import { MemoryStore } from "./store.mjs";

const URL_OF_SERVER = "https://mcp.example.com/mcp";
const redirectUri = "http://127.0.0.1:1/callback";
const module = await load(process.env.MODULE);

/** An MCP server and its authorization server; `seen` counts what was asked of them. */
function servers() {
  const world = { seen: {}, issued: 0, isExpired: false, big: null, down: null };
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  const answers = {
    "/mcp": (init) => {
      const isGood = init.headers.get("authorization") === `Bearer access-${world.issued}`;
      if (world.issued > 0 && isGood && !world.isExpired) return new Response("answer");
      const challenge = 'Bearer resource_metadata="https://mcp.example.com/metadata"';
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    },
    "/metadata": () =>
      json(200, { resource: URL_OF_SERVER, authorization_servers: ["https://as.example.com"] }),
    "/.well-known/oauth-authorization-server": () =>
      json(200, {
        issuer: "https://as.example.com",
        authorization_endpoint: "https://as.example.com/authorize",
        token_endpoint: "https://as.example.com/token",
        registration_endpoint: "https://as.example.com/register",
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
      }),
    "/register": () => json(201, { client_id: "client", redirect_uris: [redirectUri] }),
    "/token": () => {
      world.issued += 1;
      world.isExpired = false;
      const [access_token, refresh_token] = [`access-${world.issued}`, `refresh-${world.issued}`];
      return json(200, { access_token, refresh_token, token_type: "Bearer", expires_in: 3600 });
    },
  };
  world.fetch = async (url, init) => {
    assert.equal(init.redirect, "manual");
    const { pathname } = new URL(url);
    world.seen[pathname] = (world.seen[pathname] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (pathname === world.down) throw new TypeError("fetch failed");
    if (pathname === world.big) return new Response(new Blob(Array(64).fill(new Uint8Array(2 ** 16))));
    return answers[pathname](init);
  };
  world.visit = async (page) => {
    world.seen.visit = (world.seen.visit ?? 0) + 1;
    return `code=code&state=${new URL(page).searchParams.get("state")}`;
  };
  return world;
}

/** A host in a world of its own. */
function host(t, store = new MemoryStore()) {
  const world = servers();
  t.mock.method(globalThis, "fetch", world.fetch);
  const open = (visit = world.visit) =>
    new OAuth(module, { server_url: URL_OF_SERVER }, { redirectUri, visit, store });
  return { world, open };
}

const texts = (answers) => Promise.all(answers.map(async (answer) => (await answer).text()));

test("requests at once log in once, and refresh once", async (t) => {
  const { world, open } = host(t);
  const [one, other] = [open(), open()];
  const five = () => [one, one, one, other, other].map((oauth) => oauth.fetch(URL_OF_SERVER));
  assert.deepEqual(await texts(five()), Array(5).fill("answer"));
  assert.deepEqual([world.seen.visit, world.seen["/register"], world.seen["/token"]], [1, 1, 1]);
  world.isExpired = true;
  assert.deepEqual(await texts(five()), Array(5).fill("answer"));
  assert.deepEqual([world.seen.visit, world.seen["/token"]], [1, 2]);
});

test("an answer without an end, a server that is down, a user who leaves", async (t) => {
  const { world, open } = host(t);
  world.big = "/token";
  await assert.rejects(open().fetch(URL_OF_SERVER), { code: "malformed" });
  [world.big, world.down] = [null, "/token"];
  await assert.rejects(open().fetch(URL_OF_SERVER), { code: "unreachable", retryable: true });
  world.down = null;
  const leave = () => Promise.reject(new Error("closed"));
  await assert.rejects(open(leave).fetch(URL_OF_SERVER), { code: "cancelled" });
  // No lock was left behind.
  assert.equal((await open().fetch(URL_OF_SERVER)).status, 200);
});

test("a token goes nowhere else", async (t) => {
  const { world, open } = host(t);
  const oauth = open();
  await oauth.fetch(URL_OF_SERVER);
  await assert.rejects(oauth.fetch("https://evil.example/mcp"), { code: "foreign_request" });
  assert.equal(world.seen["/mcp"], 2);
});
