// The client under test of the official MCP conformance suite, with the module. What it has to do is in
// `tests/conformance/README.md`; the same in Rust is `tests/src/bin/conformance-client`.
//
//   node conformance-client.mjs MODULE [--transport wasm] [--legacy] URL

import { fromPem, newDpopKey } from "./key.mjs";
import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";

const [file, ...rest] = process.argv.slice(2);
const url = rest.at(-1);
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? "2025-11-25";
const isStateless = version >= "2026";
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");

const settings = {
  server_url: url,
  client_name: "Conformance client",
  client_metadata_url: "https://conformance-test.local/client-metadata.json",
  client_id: context.client_id,
  client_secret: context.client_secret,
  client_issuer: context.issuer,
  grant: grant(),
  tolerate: rest.includes("--legacy") ? ["legacy_2025_03_26"] : [],
};

/** By which grant tokens are got, if it is not a user's consent. */
function grant() {
  if (context.valid_jwt) return "workload_identity";
  if (context.idp_id_token) {
    const { idp_token_endpoint: token_endpoint, idp_client_id: client_id } = context;
    return { enterprise_managed: { token_endpoint, client_id } };
  }
  // The data are like those of a client that a user has to consent to.
  return scenario.startsWith("auth/client-credentials") ? "client_credentials" : undefined;
}

// Nobody listens there: the suite's user consents at once, and the page itself redirects back.
const redirectUri = "http://127.0.0.1:3000/callback";

async function visit(page) {
  const answer = await fetch(page, { redirect: "manual" });
  return answer.headers.get("location").split("?", 2)[1];
}

async function call(oauth, id, method, params) {
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  if (isStateless) {
    headers["mcp-protocol-version"] = version;
    params._meta = {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientCapabilities": {},
    };
  }
  const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
  const answer = await oauth.fetch(url, { method: "POST", headers, body });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`${method} was answered with ${answer.status}`);
}

// A trap of the module, or a mistake here, is no refusal: it ends the program with another code.
const module = await load(file);
try {
  const pem = context.private_key_pem;
  const key = pem && (await fromPem(pem, context.signing_algorithm));
  const assertion = async () => context.valid_jwt ?? context.idp_id_token;
  const dpopKey = await newDpopKey();
  const oauth = new OAuth(module, settings, { redirectUri, visit, key, dpopKey, assertion });
  await call(oauth, 1, "tools/list", {});
  await call(oauth, 2, "tools/call", { name: "test-tool", arguments: {} });
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.explanation ?? error.message}`);
  process.exitCode = error instanceof WebAssembly.RuntimeError ? 101 : 1;
}
