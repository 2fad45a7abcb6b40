// The host with tokens that are bound to a key: proofs with WebCrypto, and nonces.

import assert from "node:assert/strict";
import test from "node:test";

import { newDpopKey } from "./key.mjs";
import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";
import { MemoryStore } from "./store.mjs";

const URL_OF_SERVER = "https://mcp.example.com/mcp";
const ISSUER = "https://as.example.com";
const redirectUri = "http://127.0.0.1:1/callback";
const module = await load(process.env.MODULE);

const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers });
const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
const sha256 = async (text) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64url");

/** What the proof of a request says, which has to be sound. */
async function proofOf(seen, url, init, token) {
  const { method, headers } = new Request(url, init);
  const proof = headers.get("dpop");
  const [header, claims, signature] = proof.split(".");
  const { typ, alg, jwk } = read(header);
  assert.deepEqual([typ, alg, jwk.d], ["dpop+jwt", "ES256", undefined]);
  const kind = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, kind, false, ["verify"]);
  const [bytes, signed] = [Buffer.from(signature, "base64url"), Buffer.from(`${header}.${claims}`)];
  assert.ok(await crypto.subtle.verify({ ...kind, hash: "SHA-256" }, key, bytes, signed));
  const { htm, htu, jti, ath, nonce } = read(claims);
  assert.deepEqual([htm, htu, ath], [method, url, token && (await sha256(token))]);
  assert.ok(!seen.has(jti), "a proof was sent twice");
  seen.add(jti);
  return { x: jwk.x, nonce };
}

/** Servers that bind their tokens; each wants its own nonce in proofs, `nonce` says which. */
function servers(t) {
  const world = { nonce: "1", calls: 0, tokens: 0, logins: 0, isExpired: false };
  const seen = new Set();
  const wants = (who) => ({ "dpop-nonce": `${who}-${world.nonce}` });
  const metadata = {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/authorize`,
    token_endpoint: `${ISSUER}/token`,
    registration_endpoint: `${ISSUER}/register`,
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"],
    dpop_signing_alg_values_supported: ["ES256"],
  };
  const answers = {
    "/mcp": async (url, init) => {
      world.calls += 1;
      const refuse = (error) => {
        const headers = { "www-authenticate": `DPoP algs="ES256"${error}`, ...wants("mcp") };
        return new Response("", { status: 401, headers });
      };
      const [scheme, token] = init.headers.get("authorization")?.split(" ") ?? [];
      if (scheme !== "DPoP") return refuse("");
      const { x, nonce } = await proofOf(seen, url, init, token);
      if (nonce !== wants("mcp")["dpop-nonce"]) return refuse(', error="use_dpop_nonce"');
      const isGood = token === `access-${world.tokens}` && x === world.boundTo && !world.isExpired;
      return isGood ? new Response("answer") : refuse(', error="invalid_token"');
    },
    "/.well-known/oauth-protected-resource/mcp": () =>
      json(200, { resource: URL_OF_SERVER, authorization_servers: [ISSUER] }),
    "/.well-known/oauth-authorization-server": () => json(200, metadata),
    "/register": () => json(201, { client_id: "client", redirect_uris: [redirectUri] }),
    "/token": async (url, init) => {
      const { x, nonce } = await proofOf(seen, url, init);
      if (nonce !== wants("as")["dpop-nonce"]) return json(400, { error: "use_dpop_nonce" }, wants("as"));
      world.tokens += 1;
      world.isExpired = false;
      world.boundTo = x;
      const [access_token, refresh_token] = [`access-${world.tokens}`, `refresh-${world.tokens}`];
      return json(200, { access_token, refresh_token, token_type: "DPoP", expires_in: 3600 });
    },
  };
  const answer = (url, init) => answers[new URL(url).pathname](url, init);
  t.mock.method(globalThis, "fetch", async (url, init) => answer(url, init));
  const visit = async (page) => {
    world.logins += 1;
    return `code=code&state=${new URL(page).searchParams.get("state")}`;
  };
  const store = new MemoryStore();
  const open = (gifts) =>
    new OAuth(module, { server_url: URL_OF_SERVER }, { redirectUri, visit, store, ...gifts });
  return { world, open, store };
}

test("a key that cannot be read signs for each request, with the nonces of both servers", async (t) => {
  const { world, open, store } = servers(t);
  const dpopKey = await newDpopKey();
  assert.equal(dpopKey.privateKey.extractable, false);
  const oauth = open({ dpopKey });
  const call = async () => (await oauth.fetch(URL_OF_SERVER, { method: "post" })).text();
  assert.equal(await call(), "answer");
  // Without a token, with one, and with the nonce as well.
  assert.deepEqual([world.calls, world.tokens, world.logins], [3, 1, 1]);
  assert.equal(await call(), "answer");
  assert.equal(world.calls, 4);
  world.nonce = "2";
  assert.deepEqual(await Promise.all([call(), call()]), ["answer", "answer"]);
  assert.equal(world.logins, 1);

  // A refresh, by another who has the same store and key.
  world.isExpired = true;
  assert.equal(await (await open({ dpopKey }).fetch(URL_OF_SERVER)).text(), "answer");
  assert.deepEqual([world.tokens, world.logins], [2, 1]);
  assert.ok(!(await store.load()).includes('"secret"'));
});

test("tokens that are bound to a key that is gone are gone", async (t) => {
  const { world, open } = servers(t);
  for (const logins of [1, 2]) {
    const oauth = open({ dpopKey: await newDpopKey() });
    assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
    assert.equal(world.logins, logins);
  }
});

test("a host without a key says so where one is needed", async (t) => {
  const { world, open } = servers(t);
  await assert.rejects(open({}).fetch(URL_OF_SERVER), { code: "no_key", message: /set up none/ });
  assert.deepEqual([world.tokens, world.logins], [0, 0]);
});
