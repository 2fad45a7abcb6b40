// The host whose user consents on another device.

import assert from "node:assert/strict";
import test from "node:test";

import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";

const URL_OF_SERVER = "https://mcp.example.com/mcp";
const ISSUER = "https://as.example.com";
const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const module = await load(process.env.MODULE);

/** Servers whose user consents after so many polls; `polls` says when they came. */
function servers(t, pending) {
  const world = { polls: [], forms: [] };
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  const answers = {
    "/mcp": ({ headers }) => {
      if (headers?.get?.("authorization") === "Bearer access") return new Response("answer");
      return new Response("", { status: 401, headers: { "www-authenticate": "Bearer" } });
    },
    "/.well-known/oauth-protected-resource/mcp": () =>
      json(200, { resource: URL_OF_SERVER, authorization_servers: [ISSUER] }),
    "/.well-known/oauth-authorization-server": () =>
      json(200, {
        issuer: ISSUER,
        token_endpoint: `${ISSUER}/token`,
        registration_endpoint: `${ISSUER}/register`,
        device_authorization_endpoint: `${ISSUER}/codes`,
        grant_types_supported: ["authorization_code", "refresh_token", GRANT],
      }),
    "/register": ({ body }) => {
      const { grant_types, redirect_uris } = JSON.parse(body);
      assert.ok(grant_types.includes(GRANT));
      return json(201, { client_id: "client", redirect_uris });
    },
    "/codes": () =>
      json(200, {
        device_code: "device-code",
        user_code: "WDJB-MJHT",
        verification_uri: `${ISSUER}/device`,
        expires_in: 300,
        interval: 1,
      }),
    "/token": ({ body }) => {
      world.polls.push(Date.now());
      world.forms.push(Object.fromEntries(new URLSearchParams(body)));
      if (world.polls.length <= pending) return json(400, { error: "authorization_pending" });
      return json(200, { access_token: "access", token_type: "Bearer", expires_in: 3600 });
    },
  };
  t.mock.method(globalThis, "fetch", async (url, init) => answers[new URL(url).pathname](init));
  return world;
}

const settings = { server_url: URL_OF_SERVER, grant: "device_code" };

test("a user consents on another device", async (t) => {
  const world = servers(t, 1);
  const pages = [];
  const oauth = new OAuth(module, settings, { device: async (page) => pages.push(page) });
  assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
  assert.equal(pages.length, 1);
  assert.deepEqual([pages[0].url, pages[0].code], [`${ISSUER}/device`, "WDJB-MJHT"]);
  assert.equal(world.forms.length, 2);
  assert.equal(world.forms[1].grant_type, GRANT);
  assert.equal(world.forms[1].device_code, "device-code");
  assert.ok(world.polls[1] - world.polls[0] > 500, "not faster than the server wants");
});

test("a host that shows nothing asks nobody, and says that a login is needed", async (t) => {
  const world = servers(t, 0);
  const oauth = new OAuth(module, settings);
  await assert.rejects(oauth.fetch(URL_OF_SERVER), { code: "login_required", advice: /login\(\)/ });
  assert.equal(world.polls.length, 0);
});
