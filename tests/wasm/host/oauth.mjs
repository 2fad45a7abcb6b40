// A whole host around the module: `fetch`, a clock, random bytes, a store and its locks.

import { Driver, nothing, now, pause, random } from "./driver.mjs";
import { headOf } from "./exchange.mjs";
import { describe, sign } from "./key.mjs";
import { OAuthError } from "./module.mjs";
import { forget, openPopup, Popup, queryOf } from "./popup.mjs";
import { MemoryStore } from "./store.mjs";
import { send, UNKNOWN, unlessGivenUp } from "./trouble.mjs";

/**
 * One user at one MCP server. `module` is what `load` gave; `visit` takes the URL to show to the user (and the `state`
 * with which they come back), and returns the query with which they came back to `redirectUri`, or null if they did not. Without it `fetch` asks nobody:
 * where a login is needed it fails with the code `login_required`, and `login` or `begin` start one.
 *
 * With the `grant` `device_code`, the user consents on another device: `device` takes `{ url, complete_url, code,
 * expires_at }`, and shows them. It is not waited for longer than it takes to show that.
 *
 * With the setting `grant`, there may be no user. `key` is then the client's private key as a `CryptoKey`, and `keyId`
 * the name by which the server knows it. `assertion` takes `{ grant, audience, token_endpoint, resource }`, and returns
 * what says who the workload or its user is, or `{ assertion, kind }` if that is no JWT of a workload and no ID token.
 * It is asked anew for each token. The message of an error that either throws is shown: nothing secret may be in it.
 *
 * `dpopKey` is what `newDpopKey` gave: where a server wants tokens that are bound to a key, it is that one. Keep it with
 * the store: tokens that are bound to another are gone.
 */
export class OAuth {
  #module;
  #settings;
  /** What the module holds for this client, which may be another session after a while. */
  #held;
  #driver = new Driver(this, (...what) => this.#call(...what));
  #last = Promise.resolve();

  constructor(
    module,
    settings,
    {
      // Where nobody comes back to: servers want one registered all the same.
      redirectUri = "http://127.0.0.1/device",
      visit,
      device,
      key,
      keyId,
      dpopKey,
      assertion = nothing,
      store = new MemoryStore(),
    } = {},
  ) {
    const signing_key = key && describe(key, keyId);
    const dpop_key = dpopKey && { jwk: dpopKey.jwk };
    this.#module = module;
    this.#settings = { signing_key, dpop_key, ...settings };
    this.#held = { module, session: module("open", 0, { settings: this.#settings }).session };
    DROPPED.register(this, this.#held, this.#held);
    Object.assign(this, { redirectUri, visit, device, assertion, store });
    this.keys = { client: key, dpop: dpopKey?.privateKey };
  }

  /** Forgets what this session has in memory; the store keeps its own. Nothing can be called afterwards. */
  close() {
    DROPPED.unregister(this.#held);
    this.#call("close");
  }

  /**
   * As the global `fetch`, with a token. `init.body` has to be one that can be sent again. When `init.signal` says so,
   * nothing is waited for any more; a refresh that has begun goes on.
   */
  async fetch(url, init) {
    if (url instanceof Request) {
      const { method, headers, signal, body } = url;
      const told = { method, headers, signal, body: body === null ? undefined : await url.arrayBuffer() };
      return this.fetch(url.url, { ...told, ...init });
    }
    return this.#send(url, init ?? {});
  }

  async #send(url, init) {
    // A proof names both as they are sent.
    const { method, url: target } = new Request(url, { method: init.method });
    let sent;
    const attach = () => (sent = this.#attach({ method, url: target }, sent));
    const isFresh = () => this.#call("fresh", { now: now() }).fresh;
    const waits = (work) => unlessGivenUp(init.signal, this.#alone(work));
    if (isFresh()) attach();
    else {
      await waits(async () => {
        if (!isFresh()) {
          this.#call("access");
          await this.#driver.drive({ until: ["login"] });
        }
        attach();
      });
    }
    for (;;) {
      const response = await this.#answerTo(url, init, sent);
      const judge = () => this.#judge(sent, headOf(response));
      // Only these two can give the session work; nothing else waits for a login that is under way.
      if (![401, 403].includes(response.status)) return (judge(), response);
      const renew = async () => {
        await this.#driver.drive();
        attach();
      };
      const { verdict, wait } = await waits(async () => {
        const judged = judge();
        // Nobody waits for that: it may fail as the answer does.
        if (judged.verdict !== "deliver") response.body?.cancel().catch(() => {});
        if (judged.verdict === "retry") await renew();
        return judged;
      });
      if (verdict === "deliver") return response;
      if (verdict === "retry") continue;
      // A token that was issued just now is given a moment, and nobody else waits for that.
      await unlessGivenUp(init.signal, pause(1000 * wait));
      await waits(() => {
        if (!isFresh()) this.#call("access");
        return renew();
      });
    }
  }

  /**
   * In a page: logs in, in a window that is opened at once, so call it in the click itself. The page at `redirectUri` is of
   * the same origin, and calls `handOver`. `prompt`, `login_hint`, `scope` and `add_scope` are those of `log_in`. It ends
   * as `cancelled` when the window is closed, or the `signal` says so. `watch` is false for servers whose pages cut the tie
   * to who opened them (`Cross-Origin-Opener-Policy`): for those the window looks closed although it is open.
   */
  async login({ popup: window = openPopup(), watch, signal: told, ...options } = {}) {
    const popup = new Popup(window, { watch, signal: told });
    const { signal } = popup;
    try {
      const login = this.#alone(() => {
        signal.throwIfAborted();
        this.#call("log_in", options);
        return this.#driver.drive({ visit: (...page) => popup.visit(...page), signal });
      });
      await unlessGivenUp(signal, login);
    } finally {
      popup.end();
    }
  }

  /**
   * Begins a login for which the page is left. The result is where to send the user, or null if another page has logged in
   * meanwhile. What it takes to finish is kept in the store, for so many seconds (`within`).
   */
  async begin({ within = 600, ...options } = {}) {
    return this.#alone(() => {
      this.#call("log_in", options);
      return this.#leave(within);
    });
  }

  /**
   * Finishes a login that `begin` began, in whichever page of the same store: once. It takes the address at which the user
   * came back, which is the page's own if nothing is said; then the query is taken out of it. The result is where to send
   * the user once more, which is rare, or null: they are logged in. After an error that is `retryable` it can be called
   * again with the same address.
   */
  async comeBack(where = globalThis.location, { within = 600 } = {}) {
    const query = queryOf(where);
    const state = new URLSearchParams(query).get("state") ?? "";
    return this.#alone(async () => {
      const pending = await this.store.take(state);
      try {
        this.#resume(pending);
        const { turn } = await this.#driver.drive({ until: ["browser"] });
        if (turn === "browser") this.#call("redirected", { query, now: now() });
        const url = await this.#leave(within);
        forget(where);
        return url;
      } catch (error) {
        // An answer that did not come cost nothing that was not lost with it.
        const again = error?.retryable && pending;
        if (again) await this.store.keep(state, pending, now() + within).catch(() => (error.retryable = false));
        if (!error?.retryable) forget(where);
        throw error;
      }
    });
  }

  /** Goes on as the session in which that login began: with its story, and with tokens that cannot be stored as well. */
  #resume(text) {
    let pending;
    try {
      pending = JSON.parse(text);
    } catch {
      // What stands there is secret: no error quotes it.
    }
    if (!pending) throw new OAuthError(UNKNOWN);
    const { session } = this.#module("resume", 0, { settings: this.#settings, profile: "", pending });
    this.#call("close");
    this.#held.session = session;
  }

  /** Revokes the tokens, and erases them. The result says of each what became of it: its `fate`. */
  async logout() {
    return this.#alone(async () => {
      this.#call("logout");
      const { refresh_token, access_token } = await this.#driver.drive();
      return { refresh_token, access_token };
    });
  }

  /** How it stands, as far as this session knows: without a request. */
  get status() {
    return this.#call("status", { now: now() });
  }

  /** How it came to this, for people. */
  get timeline() {
    return this.#call("timeline").text;
  }

  #call(name, object, bytes) {
    return this.#module(name, this.#held.session, object, bytes);
  }

  /** What a request goes out with: as the same attempt, if it went out before in this session. */
  #attach(request, before) {
    const { session } = this.#held;
    const attempt = before?.session === session ? before.attempt : undefined;
    return { session, ...this.#call("attach", { ...request, attempt, now: now() }, random(16)) };
  }

  /** The answer of the MCP server to a request that goes with this. */
  async #answerTo(url, init, sent) {
    try {
      const headers = new Headers(init.headers);
      for (const [name, value] of await this.#fields(sent)) headers.set(name, value);
      // A redirect could take the token elsewhere.
      return await send(url, { ...init, headers, redirect: "manual" });
    } catch (error) {
      // Nobody answers it any more: this takes its place in the module's memory back.
      this.#judge(sent, { status: 503, headers: [] });
      throw error;
    }
  }

  /** What becomes of an answer. The module knows the newest 256 of its session: others are the application's. */
  #judge({ session, attempt }, head) {
    if (session !== this.#held.session) return { verdict: "deliver" };
    try {
      return this.#call("answered", { attempt, ...head, now: now() });
    } catch (error) {
      if (error?.code !== "no_such") throw error;
      return { verdict: "deliver" };
    }
  }

  /** What goes with a request: a token, and a proof if it is bound to a key. */
  async #fields({ attempt, headers, unsigned }) {
    if (!unsigned) return headers ?? [];
    const signature = await sign(this.keys.dpop, unsigned);
    return this.#call("proved", { attempt, unsigned }, signature).headers;
  }

  /** One drive at a time: those who waited look again first. */
  #alone(work) {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Goes on until the user has to leave: to where, or null if there is a token. */
  async #leave(within) {
    const { turn } = await this.#driver.drive({ until: ["browser"] });
    if (turn !== "browser") return null;
    const expires_at = now() + within;
    const { url, state, pending } = this.#call("suspend", { profile: "", expires_at });
    await this.store.keep(state, pending, expires_at);
    return url;
  }
}

/** What the module holds for clients that nobody has any more. */
const DROPPED = new FinalizationRegistry(({ module, session }) => module("close", session));
