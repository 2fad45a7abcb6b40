/// <reference lib="dom" />

/** What the machine, the module or this host says. */
export class OAuthError extends Error {
  constructor(members: { message: string; code: string; [member: string]: unknown });
  /** A short name of the reason, for programs; it never changes. */
  readonly code: string;
  /** Who can do something about it, for people. */
  readonly actor: string;
  /** What they can do. In a page it says so if CORS may be the cause. */
  readonly advice: string;
  /** Whether the same may work later. */
  readonly retryable: boolean;
  /** How it came to this, for people. */
  readonly explanation?: string;
  /** At `scope_required`: the scopes that a server wants in addition. */
  readonly missing?: string;
}

/** The functions of the module, by name; `OAuth` calls them. */
export type Module = (
  name: string,
  session?: number,
  object?: object,
  bytes?: Uint8Array,
) => Record<string, unknown>;

/** Where the module is, or what it is. */
export type Source = string | URL | Response | BufferSource | WebAssembly.Module;

/** Loads the module: without a source, the one in this package. */
export function load(source?: Source | Promise<Source>): Promise<Module>;

/** Settings of one server. There are more than are named here: all of `WrittenSettings` of `oauth-core`. */
export interface Settings {
  /** The MCP endpoint. */
  server_url: string;
  /** The name that users see when they are asked to consent. */
  client_name?: string;
  client_id?: string;
  client_secret?: string;
  /** The issuer that they belong to. */
  client_issuer?: string;
  /** The URL of a hosted client ID metadata document. */
  client_metadata_url?: string;
  /** The scopes to ask for, separated by spaces. */
  scope?: string;
  grant?:
    | "authorization_code"
    | "device_code"
    | "authorization_or_device_code"
    | "client_credentials"
    | "workload_identity"
    | { enterprise_managed: { token_endpoint: string; client_id: string } };
  /** When tokens are bound to a key. */
  dpop?: "if_required" | "off" | "preferred" | "required";
  /** A fixed token, which is sent instead of any login. */
  bearer?: string;
  [setting: string]: unknown;
}

/** The key of a client's record; its members are of no concern to a store. */
export type ClientKey = object;

/** What keeps tokens. All methods may be called by several pages at once. */
export interface Store {
  /** The text that was saved last, or null. */
  load(client?: ClientKey): Promise<string | null>;
  /** Replaces the record if it has the expected generation, 0 for none; else the result is the one it has. */
  save(
    record: string,
    generation: number,
    expected: number,
    client?: ClientKey,
  ): Promise<number | undefined>;
  /** Erases the record if it is still this one, which cannot be read. */
  erase(record: string, client?: ClientKey): Promise<void>;
  /** Waits until nobody else holds the lock; the result releases it. */
  lock(lock: "refresh" | "login" | "client", client?: ClientKey): Promise<() => void>;
  /** Keeps a login whose user is away, until a time in seconds. Only `begin` and `comeBack` need it. */
  keep(state: string, pending: string, expiresAt: number): Promise<void>;
  /** Takes that login out, or null: nobody gets it twice. */
  take(state: string): Promise<string | null>;
}

/** A store that ends with the program. */
export class MemoryStore {}
export interface MemoryStore extends Store {}

/** A store that all pages of an origin share. */
export class IndexedDbStore {
  constructor(serverUrl: string, options?: { profile?: string; database?: string });
  /** The key to bind this user's tokens to, made by the first page that asks. It cannot be read. */
  dpopKey(algorithm?: Algorithm): Promise<DpopKey>;
}
export interface IndexedDbStore extends Store {}

export type Algorithm = "ES256" | "Ed25519" | "EdDSA";

/** A key that tokens can be bound to. */
export interface DpopKey {
  readonly jwk: JsonWebKey;
  readonly privateKey: CryptoKey;
}

/** A new key that tokens can be bound to. Its private half cannot be read. */
export function newDpopKey(algorithm?: Algorithm): Promise<DpopKey>;

/** The key in a PEM file, in PKCS#8. */
export function fromPem(pem: string, algorithm: Algorithm): Promise<CryptoKey>;

/** What a user of another device is shown; `expires_at` is in seconds since 1970. */
export interface DevicePage {
  url: string;
  complete_url: string | null;
  code: string;
  expires_at: number;
}

/** What an assertion is for. */
export interface Wanted {
  grant: string;
  audience: string;
  token_endpoint: string;
  resource: string;
}

export interface Assertion {
  assertion: string;
  kind?: "id_token" | "refresh_token" | "saml2";
}

export interface Options {
  /** Where users come back to. */
  redirectUri?: string;
  /** Shows the URL; the query with which the user came back, or null. `state` is in that query. */
  visit?: (url: string, state: string) => Promise<string | null>;
  device?: (page: DevicePage) => Promise<void>;
  /** The client's private key, and the name by which the server knows it. */
  key?: CryptoKey;
  keyId?: string;
  dpopKey?: DpopKey;
  assertion?: (wanted: Wanted) => Promise<string | Assertion>;
  store?: Store;
}

/** What one login is asked for. */
export interface LoginOptions {
  prompt?: ("login" | "select_account" | "consent")[];
  login_hint?: string;
  /** Scopes, separated by spaces: instead of the others. */
  scope?: string;
  /** In addition to them. */
  add_scope?: string;
}

export interface PopupOptions {
  /** False for servers that cut the tie to who opened the window (`Cross-Origin-Opener-Policy`). */
  watch?: boolean;
  signal?: AbortSignal;
}

/** What became of a token at a logout. One that is alive has a reason, the code of an error. */
export interface Fate {
  fate: "absent" | "revoked" | "not_revocable" | "alive";
  reason?: string;
}

/** What is known of a grant. */
export interface Grant {
  issuer: string;
  scopes: string | null;
  /** In seconds since 1970. */
  expires_at: number | null;
  is_refreshable: boolean;
  /** For display only, and not verified. */
  who: string | null;
}

/** How it stands, as far as a session knows. */
export type Status =
  | { status: "bearer" | "not_needed" | "login_needed" }
  | ({ status: "logged_in" | "refused" } & Grant)
  | { status: "login_under_way"; place: "here" | "elsewhere"; grant?: Grant };

/** One user at one MCP server. */
export class OAuth {
  constructor(module: Module, settings: Settings, options?: Options);
  /** As the global `fetch`, with a token. `init.body` has to be one that can be sent again. */
  fetch(url: string | URL | Request, init?: RequestInit | null): Promise<Response>;
  /** Logs in, in a window that is opened at once: call it in the click itself. */
  login(options?: LoginOptions & PopupOptions & { popup?: Window }): Promise<void>;
  /** Begins a login for which the page is left: where to send the user, or null if they are logged in by now. */
  begin(options?: LoginOptions & { within?: number }): Promise<string | null>;
  /** Finishes it, once: where to send the user once more, or null if they are logged in. */
  comeBack(where?: string | URL | Location, options?: { within?: number }): Promise<string | null>;
  /** Revokes the tokens, and erases them. */
  logout(): Promise<{ refresh_token: Fate; access_token: Fate }>;
  /** Without a request. */
  readonly status: Status;
  /** How it came to this, for people. */
  readonly timeline: string;
  /** Forgets what this session has in memory; the store keeps its own. */
  close(): void;
}

/** An empty window for a login, opened in the click: for who has to await something before `login`. */
export function openPopup(features?: string): Window;

/** On the page at the redirect URI: whether this login is one in a window, which is closed then. */
export function handOver(where?: Location): Promise<boolean>;
