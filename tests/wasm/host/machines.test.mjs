// The host without a user: it signs with a key of WebCrypto, or brings assertions.

import assert from "node:assert/strict";
import test from "node:test";

import { describe, fromPem } from "./key.mjs";
import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";

const URL_OF_SERVER = "https://mcp.example.com/mcp";
const ISSUER = "https://as.example.com";
const module = await load(process.env.MODULE);

/** Servers that take one grant; `forms` is what was sent to their token endpoints. */
function servers(t, metadata = {}) {
  const world = { forms: [] };
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  const answers = {
    "/mcp": ({ headers }) => {
      if (headers.get("authorization") === "Bearer access") return new Response("answer");
      return new Response("", { status: 401, headers: { "www-authenticate": "Bearer" } });
    },
    // Nobody asks the server first whether it wants a token.
    "/.well-known/oauth-protected-resource/mcp": () =>
      json(200, { resource: URL_OF_SERVER, authorization_servers: [ISSUER] }),
    "/.well-known/oauth-authorization-server": () =>
      json(200, { issuer: ISSUER, token_endpoint: `${ISSUER}/token`, ...metadata }),
    "/token": ({ body }) => {
      world.forms.push(Object.fromEntries(new URLSearchParams(body)));
      return json(200, { access_token: "access", token_type: "Bearer", expires_in: 3600 });
    },
    "/exchange": ({ body }) => {
      world.forms.push(Object.fromEntries(new URLSearchParams(body)));
      const issued_token_type = "urn:ietf:params:oauth:token-type:id-jag";
      return json(200, { access_token: "id-jag", token_type: "N_A", issued_token_type });
    },
  };
  t.mock.method(globalThis, "fetch", async (url, init) => answers[new URL(url).pathname](init));
  return world;
}

// Without `visit`: nobody is asked.
const open = (settings, gifts) =>
  new OAuth(module, { server_url: URL_OF_SERVER, client_issuer: ISSUER, ...settings }, gifts);

/** The key as a file, and its public half. */
async function newKey(algorithm) {
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const text = der.toString("base64").replace(/.{64}/g, "$&\n");
  return [`-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`, pair.publicKey];
}

const KEYS = {
  ES256: [
    { name: "ECDSA", namedCurve: "P-256" },
    { name: "ECDSA", hash: "SHA-256" },
  ],
  Ed25519: [{ name: "Ed25519" }, { name: "Ed25519" }],
};

for (const [algorithm, [kind, how]] of Object.entries(KEYS)) {
  test(`a client signs with ${algorithm}`, async (t) => {
    const world = servers(t, {
      token_endpoint_auth_methods_supported: ["private_key_jwt"],
      token_endpoint_auth_signing_alg_values_supported: [algorithm],
    });
    const [pem, publicKey] = await newKey(kind);
    const key = await fromPem(pem, algorithm);
    assert.equal(key.extractable, false);
    const settings = { grant: "client_credentials", client_id: "client" };
    const oauth = open(settings, { key, keyId: "k1" });
    assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
    assert.equal(world.forms.length, 1);
    const { grant_type, client_assertion } = world.forms[0];
    assert.equal(grant_type, "client_credentials");
    const [header, claims, signature] = client_assertion.split(".");
    const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
    assert.deepEqual([read(header).alg, read(header).kid], [algorithm, "k1"]);
    assert.deepEqual([read(claims).iss, read(claims).aud], ["client", ISSUER]);
    const bytes = Buffer.from(signature, "base64url");
    const signed = new TextEncoder().encode(`${header}.${claims}`);
    assert.ok(await crypto.subtle.verify(how, publicKey, bytes, signed));
  });
}

test("a key says what it can do, and one that can do nothing is refused", async (t) => {
  const modulus = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const said = [];
  for (const kind of [
    { name: "ECDSA", namedCurve: "P-256" },
    { name: "Ed25519" },
    { name: "ECDSA", namedCurve: "P-384" },
    { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", ...modulus },
  ]) {
    const { privateKey } = await crypto.subtle.generateKey(kind, false, ["sign", "verify"]);
    const { algorithms } = describe(privateKey);
    said.push(algorithms);
    if (algorithms.length > 0) continue;
    const world = servers(t);
    const oauth = open({ grant: "client_credentials", client_id: "client" }, { key: privateKey });
    await assert.rejects(oauth.fetch(URL_OF_SERVER), { code: "no_signing_algorithm" });
    assert.equal(world.forms.length, 0);
    t.mock.restoreAll();
  }
  assert.deepEqual(said, [["ES256"], ["EdDSA", "Ed25519"], [], []]);
});

test("a workload is named by what the host brings, which is told what for", async (t) => {
  const world = servers(t);
  const asked = [];
  const assertion = async (wanted) => (asked.push(wanted), "jwt");
  const oauth = open({ grant: "workload_identity" }, { assertion });
  assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
  assert.deepEqual(world.forms.map((form) => form.assertion), ["jwt"]);
  const { audience, token_endpoint, resource } = asked[0];
  assert.deepEqual([audience, token_endpoint, resource], [ISSUER, `${ISSUER}/token`, URL_OF_SERVER]);
});

test("an identity provider is told what kind of token names its user", async (t) => {
  const kinds = [];
  for (const given of ["token", { assertion: "token", kind: "saml2" }]) {
    const world = servers(t);
    const provider = { token_endpoint: "https://idp.example.com/exchange", client_id: "idp-client" };
    const settings = {
      grant: { enterprise_managed: provider },
      client_id: "client",
      client_secret: "secret",
    };
    const oauth = open(settings, { assertion: async () => given });
    assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
    const [exchange, token] = world.forms;
    assert.deepEqual([exchange.subject_token, token.assertion], ["token", "id-jag"]);
    kinds.push(exchange.subject_token_type.split(":").at(-1));
    t.mock.restoreAll();
  }
  assert.deepEqual(kinds, ["id_token", "saml2"]);
});

test("a host without a key or an assertion says why, and is asked again", async (t) => {
  const world = servers(t, { token_endpoint_auth_methods_supported: ["private_key_jwt"] });
  const signing_key = { algorithms: ["ES256"] };
  const unsigned = open({ grant: "client_credentials", client_id: "client", signing_key });
  const none = { code: "no_signature", message: /has set up none/ };
  await assert.rejects(unsigned.fetch(URL_OF_SERVER), none);

  let isDown = true;
  const assertion = () => {
    if (isDown) throw new Error("no such file");
    return "jwt";
  };
  const oauth = open({ grant: "workload_identity" }, { assertion });
  const down = { code: "no_assertion", message: /no such file/, retryable: true };
  await assert.rejects(oauth.fetch(URL_OF_SERVER), down);
  assert.equal(world.forms.length, 0);
  isDown = false;
  assert.equal((await oauth.fetch(URL_OF_SERVER)).status, 200);
});
