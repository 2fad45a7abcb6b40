// The least that the extension scenarios take, for the self test: it shows that each of them can be
// passed, and with how many requests. It checks nothing, so it is no example of a client.
//
// `reference.mjs [--without WHAT] URL`. Without `proof`, `nonce`, `resource`, or with what is not
// `fresh` any more (a proof, an assertion), it has to fail.

import { createHash, createPrivateKey, generateKeyPairSync, randomUUID, sign } from "node:crypto";

const args = process.argv.slice(2);
const without = args[0] === "--without" ? args.splice(0, 2)[1] : "";
const url = args[0];
const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? "2025-11-25";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
const REDIRECT_URI = "http://127.0.0.1:3000/callback";

const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const nonces = new Map();
let lastProof;

const base64url = (value) => Buffer.from(value).toString("base64url");
const sha256 = (text) => createHash("sha256").update(text).digest("base64url");

function jwt(key, header, claims) {
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

const seconds = () => Math.floor(Date.now() / 1000);

function proof(method, target, token) {
  if (without === "fresh" && lastProof?.target === target) return lastProof.text;
  const { kty, crv, x, y } = keys.publicKey.export({ format: "jwk" });
  const text = jwt(
    keys.privateKey,
    { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } },
    {
      jti: randomUUID(),
      htm: method,
      htu: target,
      iat: seconds(),
      ath: token && sha256(token),
      nonce: without === "nonce" ? undefined : nonces.get(new URL(target).origin),
    },
  );
  lastProof = { target, text };
  return text;
}

/** One request, with a proof if `bound`, once more if the server wants a nonce in it. */
async function send(target, init, bound, token) {
  for (let tries = 0; ; tries += 1) {
    const headers = { ...init.headers };
    if (bound && without !== "proof") headers.dpop = proof(init.method, target, token);
    const answer = await fetch(target, { ...init, headers, redirect: "manual" });
    const nonce = answer.headers.get("dpop-nonce");
    if (nonce === null || !bound || answer.ok || tries > 0) return answer;
    nonces.set(new URL(target).origin, nonce);
  }
}

async function token(endpoint, parameters, { basic, bound } = {}) {
  const [id, secret] = (basic ?? []).map(encodeURIComponent);
  const headers = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
    ...(basic && { authorization: `Basic ${btoa(`${id}:${secret}`)}` }),
  };
  const body = new URLSearchParams(parameters);
  if (without === "resource") body.delete("resource");
  const answer = await send(endpoint, { method: "POST", headers, body }, bound);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

/** The grant of each scenario, from the metadata of the resource and of its server. */
const grants = {
  "client-credentials-basic": (resource, server) =>
    token(server.token_endpoint, { grant_type: "client_credentials", resource }, {
      basic: [context.client_id, context.client_secret],
    }),

  "client-credentials-jwt": (resource, server) => {
    const { client_id: id, private_key_pem: pem, signing_algorithm: alg } = context;
    const now = seconds();
    const claims = { iss: id, sub: id, aud: server.issuer, iat: now, exp: now + 60 };
    const header = { alg, typ: "client-authentication+jwt" };
    return token(server.token_endpoint, {
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: jwt(createPrivateKey(pem), header, { ...claims, jti: randomUUID() }),
      resource,
    });
  },

  "enterprise-managed-authorization": async (resource, server) => {
    const assertion = await token(context.idp_token_endpoint, {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: ID_JAG,
      audience: server.issuer,
      resource,
      subject_token: context.idp_id_token,
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      client_id: context.idp_client_id,
    });
    const basic = [context.client_id, context.client_secret];
    return token(server.token_endpoint, { grant_type: JWT_BEARER, assertion, resource }, { basic });
  },

  "wif-jwt-bearer": (resource, server) => {
    const assertion = without === "fresh" ? context.expired_jwt : context.valid_jwt;
    return token(server.token_endpoint, { grant_type: JWT_BEARER, assertion, resource });
  },

  dpop: async (resource, server) => {
    const registration = await fetch(server.registration_endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "Reference",
        application_type: "native",
        redirect_uris: [REDIRECT_URI],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
      }),
    });
    const { client_id, client_secret } = await registration.json();
    const verifier = base64url(randomUUID() + randomUUID());
    const query = new URLSearchParams({
      response_type: "code",
      client_id,
      redirect_uri: REDIRECT_URI,
      code_challenge: sha256(verifier),
      code_challenge_method: "S256",
      state: randomUUID(),
      resource,
    });
    const page = await fetch(`${server.authorization_endpoint}?${query}`, { redirect: "manual" });
    const back = new URL(page.headers.get("location")).searchParams;
    const parameters = {
      grant_type: "authorization_code",
      code: back.get("code"),
      code_verifier: verifier,
      redirect_uri: REDIRECT_URI,
      resource,
      ...(!client_secret && { client_id }),
    };
    const basic = client_secret && [client_id, client_secret];
    return token(server.token_endpoint, parameters, { basic, bound: true });
  },
};
grants["dpop-nonce"] = grants.dpop;
grants["cross-app-access-complete-flow"] = grants["enterprise-managed-authorization"];

function call(id, method, params) {
  const stateless = version >= "2026" && {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const meta = stateless && { _meta: stateless };
  const body = { jsonrpc: "2.0", id, method, params: { ...params, ...meta } };
  return {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(stateless && { "mcp-protocol-version": version }),
    },
    body: JSON.stringify(body),
  };
}

const refused = await fetch(url, call(1, "tools/list", {}));
const challenge = refused.headers.get("www-authenticate");
const metadata = /resource_metadata="([^"]+)"/.exec(challenge)[1];
const { resource, authorization_servers: [issuer] } = await (await fetch(metadata)).json();
const place = `${issuer}/.well-known/oauth-authorization-server`;
const server = await (await fetch(place)).json();
const access = await grants[scenario.slice("auth/".length)](resource, server);

const bound = scenario.startsWith("auth/dpop");
const calls = [
  call(2, "tools/list", {}),
  call(3, "tools/call", { name: "test-tool", arguments: {} }),
];
for (const init of calls) {
  init.headers.authorization = `${bound ? "DPoP" : "Bearer"} ${access}`;
  const answer = await send(url, init, bound, access);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}
