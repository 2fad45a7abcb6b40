// What tests of the host as a page has it have in common: servers behind `fetch`, and clients that share a store.

import { load } from "./module.mjs";
import { OAuth } from "./oauth.mjs";
import { MemoryStore } from "./store.mjs";

export const file = process.env.MODULE;
export const URL_OF_SERVER = "https://mcp.example.com/mcp";
export const ISSUER = "https://as.example.com";
export const redirectUri = "https://app.example.com/callback";
export const module = await load(file);

/** Servers by their paths; `seen` is what was asked of them, in order. */
export function servers(t, changes = {}) {
  const seen = [];
  const json = (status, body) => new Response(JSON.stringify(body), { status });
  const answers = {
    "/mcp": ({ headers }) => {
      if (new Headers(headers).get("authorization") === "Bearer access") return new Response("answer");
      const challenge = `Bearer resource_metadata="https://mcp.example.com/metadata", scope="read"`;
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    },
    "/metadata": () => json(200, { resource: URL_OF_SERVER, authorization_servers: [ISSUER] }),
    "/.well-known/oauth-authorization-server": () =>
      json(200, {
        issuer: ISSUER,
        authorization_endpoint: `${ISSUER}/authorize`,
        token_endpoint: `${ISSUER}/token`,
        registration_endpoint: `${ISSUER}/register`,
        revocation_endpoint: `${ISSUER}/revoke`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
      }),
    "/register": () => json(201, { client_id: "client", redirect_uris: [redirectUri] }),
    "/token": () =>
      json(200, { access_token: "access", refresh_token: "refresh", token_type: "Bearer", expires_in: 3600 }),
    "/revoke": () => new Response(""),
    ...changes,
  };
  t.mock.method(globalThis, "fetch", async (url, init) => {
    const { pathname } = new URL(url);
    seen.push(pathname);
    return answers[pathname](init);
  });
  return seen;
}

/** Each page has a client of its own, and all have one store. */
export const pages = (store = new MemoryStore()) => {
  return () => new OAuth(module, { server_url: URL_OF_SERVER }, { redirectUri, store });
};

export const addressAfter = (url) => `${redirectUri}?code=code&state=${new URL(url).searchParams.get("state")}`;
export const count = (seen, path) => seen.filter((it) => it === path).length;
