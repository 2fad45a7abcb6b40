// An MCP server, as small as one can be, behind `oidc-provider`, an OpenID Connect server that is widely
// used as it is: dynamic registration, resource indicators, rotation and revocation are its own. Ours are
// the user, who consents to everything at once, and the resource: `tools/call` takes one scope more than the rest,
// which takes what the challenge of the first request names.
//
//     server.mjs [--registered-scope SCOPES] [--dpop [--nonces]] [--pushed] [--device] [--jwks JSON]
//         [--lifetime SECONDS] [--token-delay MILLISECONDS] [--port PORT]
//
// With `--registered-scope`, a client that registers no scope may ask for these and no others. It may
// register those of the resource as well then, which the authorization server does not know otherwise.
// With `--dpop`, the resource takes only tokens that are bound to a key (RFC 9449), and with `--nonces` both servers want
// their nonce in each proof. With `--pushed`, it takes no authorization request that was not pushed (RFC 9126). With
// `--device`, users may log in on another device (RFC 8628), and polls that come too soon are told apart. Two clients
// need no user: `service`, with a secret, and, if its keys are passed in, `service-with-key`. With `--token-delay`, an
// answer to a token request is held back for so long: what was spent is spent, and nobody has what it brought.
// It says on standard output where it listens, and ends when its standard input does.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from "jose";
import { Provider } from "oidc-provider";
import MemoryAdapter from "oidc-provider/lib/adapters/memory_adapter.js";

const { values: options } = parseArgs({
  options: {
    "registered-scope": { type: "string" },
    dpop: { type: "boolean", default: false },
    nonces: { type: "boolean", default: false },
    pushed: { type: "boolean", default: false },
    device: { type: "boolean", default: false },
    jwks: { type: "string" },
    lifetime: { type: "string", default: "3600" },
    "token-delay": { type: "string", default: "0" },
    port: { type: "string", default: "0" },
  },
});
const SCHEME = options.dpop ? "DPoP" : "Bearer";
const NONCE = randomUUID();
const seen = new Set();
const NEEDED = { "tools/list": "mcp:read", "tools/call": "mcp:write" };

const server = createServer((request, response) => listener(request, response));
server.listen(Number(options.port), "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const resource = `${origin}/mcp`;
// Its own memory forgets a thousand things after others: the tokens of users who are not there for a minute, and which
// of them were spent.
const memory = new Map();
const provider = new Provider(origin, {
  ...scopes(options["registered-scope"]),
  adapter: (model) => new MemoryAdapter(model, memory),
  clients: clients(),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: options.device },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => options.nonces },
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: options.pushed,
    },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, indicator) => {
        if (indicator !== resource) throw new Error(`no such resource: ${indicator}`);
        return { scope: Object.values(NEEDED).join(" "), accessTokenFormat: "opaque" };
      },
    },
  },
  ttl: {
    AccessToken: Number(options.lifetime),
    ClientCredentials: Number(options.lifetime),
    RefreshToken: 3600,
    Grant: 3600,
  },
  rotateRefreshToken: true,
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
});
const spent = [];
provider.use(async (context, next) => {
  await next();
  if (context.path !== "/token") return;
  noteSpent(context);
  await sleep(Number(options["token-delay"]));
});
const authorize = provider.callback();

let requests = [];
let pending = 0;
const polled = new Map();

provider.on("grant.success", (context) => judge(context, ""));
provider.on("grant.error", (context, { error }) => {
  if (error !== "authorization_pending") return judge(context, "");
  judge(context, " pending");
  pending += 1;
});

/** Notes of a poll what the status of its answer does not say, and whether it came too soon after one in vain. No
 * interval is named, so that there have to be five seconds in between (RFC 8628 §3.2). */
function judge({ oidc, res }, outcome) {
  const code = oidc.params?.device_code;
  const isTooSoon = performance.now() - polled.get(code) < 5000;
  if (outcome) polled.set(code, performance.now());
  res.note = outcome + (isTooSoon ? " too soon" : "");
}

/** Notes with which refresh token an answer was asked for, which one it brings, and when that was: before it is held
 * back. The tokens are told by their hashes. */
function noteSpent({ body, oidc }) {
  const hash = (token) => token && createHash("sha256").update(token).digest("hex");
  const from = hash(oidc?.params?.refresh_token);
  spent.push({ at: Date.now(), from, to: hash(body?.refresh_token), error: body?.error });
}

async function listener(request, response) {
  const { pathname } = new URL(request.url, origin);
  if (pathname === "/requests") {
    // The status is looked up now, when each answer has arrived where it was wanted.
    const lines = requests.map(([line, { statusCode, note = "" }]) => `${line} ${statusCode}${note}`);
    requests = [];
    return json(response, 200, lines);
  }
  if (pathname === "/pending") return json(response, 200, pending);
  if (pathname === "/spent") return json(response, 200, spent);
  requests.push([`${request.method} ${pathname.replace(/^(\/\w+)\/[\w-]{20,}$/, "$1")}`, response]);
  if (pathname === "/mcp") return mcp(request, response);
  if (pathname.startsWith("/interaction/")) return consent(request, response);
  if (pathname === "/.well-known/oauth-protected-resource/mcp") {
    return json(response, 200, {
      resource,
      authorization_servers: [origin],
      scopes_supported: Object.values(NEEDED),
      ...(options.dpop && { dpop_bound_access_tokens_required: true }),
    });
  }
  return authorize(request, response);
}

/** Clients that somebody has set up, for themselves and not for users. */
function clients() {
  const service = { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
  const all = [{ ...service, client_id: "service", client_secret: "a secret that is long enough" }];
  if (options.jwks) {
    const token_endpoint_auth_method = "private_key_jwt";
    const jwks = JSON.parse(options.jwks);
    all.push({ ...service, client_id: "service-with-key", token_endpoint_auth_method, jwks });
  }
  return all;
}

function scopes(registered) {
  const own = ["openid", "offline_access"];
  if (registered === undefined) return { scopes: own };
  return { scopes: [...own, ...Object.values(NEEDED)], clientDefaults: { scope: registered } };
}

/** What the user does at the pages: a login, and a consent to all that is asked for. */
async function consent(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const result = { login: { accountId: "somebody" } };
    return provider.interactionFinished(request, response, result);
  }
  const { accountId } = session;
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  grant.addOIDCScope(missingOIDCScope.join(" "));
  for (const [indicator, scopes] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(indicator, scopes.join(" "));
  }
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function mcp(request, response) {
  const challenge = (attributes) => {
    const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
    const all = { ...attributes, resource_metadata: metadata };
    const list = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
    response.setHeader("www-authenticate", `${SCHEME} ${list.join(", ")}`);
  };
  const [, scheme, value] = /^(\w+) (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const token = scheme === SCHEME && (await find(value));
  if (!token || token.aud !== resource) {
    challenge(value ? { error: "invalid_token" } : { scope: NEEDED["tools/list"] });
    return json(response, 401, {});
  }
  const defect = options.dpop && (await defectOfProof(request, token, value));
  if (options.nonces) response.setHeader("dpop-nonce", NONCE);
  if (defect) {
    challenge({ error: defect });
    return json(response, 401, {});
  }
  if (request.method === "DELETE") return json(response, 200, {});
  if (request.method === "GET" && options.dpop) return stream(response);
  if (request.method !== "POST") return json(response, 405, {});
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method, params } = JSON.parse(body);
  const scope = NEEDED[method] ?? NEEDED["tools/list"];
  if (!token.scopes.has(scope)) {
    challenge({ error: "insufficient_scope", scope });
    return json(response, 403, {});
  }
  if (id === undefined) return response.writeHead(202).end();
  if (method === "initialize") response.setHeader("mcp-session-id", randomUUID());
  return json(response, 200, { jsonrpc: "2.0", id, result: result(method, params) });
}

/** What a session is told without having asked. It goes on as long as somebody listens. */
function stream(response) {
  const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`data: ${JSON.stringify(changed)}\n\n`);
}

async function find(value) {
  return (await provider.AccessToken.find(value)) ?? (await provider.ClientCredentials.find(value));
}

/** What is wrong with the proof that came with a token; nothing if it is right (RFC 9449 §4.3, §7.1). */
async function defectOfProof(request, token, value) {
  const proof = await jwtVerify(request.headers.dpop ?? "", EmbeddedJWK, { typ: "dpop+jwt" }).catch(() => undefined);
  if (!proof) return "invalid_dpop_proof";
  const { jti, htm, htu, ath, nonce, iat } = proof.payload;
  if (options.nonces && nonce !== NONCE) return "use_dpop_nonce";
  const isRight =
    htm === request.method &&
    htu === resource &&
    ath === createHash("sha256").update(value).digest("base64url") &&
    Math.abs(Date.now() / 1000 - iat) < 300 &&
    (await calculateJwkThumbprint(proof.protectedHeader.jwk)) === token.jkt &&
    !seen.has(jti);
  seen.add(jti);
  return isRight ? undefined : "invalid_dpop_proof";
}

function result(method, params) {
  switch (method) {
    case "initialize": {
      const serverInfo = { name: "judge", version: "1" };
      return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo };
    }
    case "tools/list":
      return { tools: [{ name: "add", inputSchema: { type: "object" } }] };
    case "tools/call": {
      const { a, b } = params.arguments;
      return { content: [{ type: "text", text: String(a + b) }] };
    }
    default:
      return { method };
  }
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

process.stdin.resume().on("end", () => process.exit(0));
console.log(resource);
