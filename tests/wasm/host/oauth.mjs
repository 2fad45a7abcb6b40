// A whole host around the module: `fetch`, a clock, random bytes, a store and its locks.

import { exchange, headOf } from "./exchange.mjs";
import { describe, sign } from "./key.mjs";
import { OAuthError } from "./module.mjs";
import { forget, openPopup, visitInPopup } from "./popup.mjs";
import { MemoryStore } from "./store.mjs";
import { explained, required, send, UNKNOWN } from "./trouble.mjs";

/**
 * One user at one MCP server. `module` is what `load` gave; `visit` takes the URL to show to the user, and
 * returns the query with which they came back to `redirectUri`, or null if they did not. Without it `fetch` asks nobody:
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
  #session;
  #locks = {};
  #last = Promise.resolve();
  /** Of the drive that is under way: what the machine cannot know of its errors. */
  #met;

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
    this.#session = module("open", 0, { settings: this.#settings }).session;
    Object.assign(this, { redirectUri, visit, device, assertion, store });
    this.keys = { client: key, dpop: dpopKey?.privateKey };
  }

  /** Forgets what this session has in memory; the store keeps its own. Nothing can be called afterwards. */
  close() {
    this.#call("close");
  }

  /** As the global `fetch`, with a token. `init.body` has to be one that can be sent again. */
  async fetch(url, init = {}) {
    // A proof names both as they are sent.
    const { method, url: target } = new Request(url, { method: init.method });
    const request = { method, url: target };
    const attach = () => this.#call("attach", { ...request, attempt, now: now() }, random(16));
    const isFresh = () => this.#call("fresh", { now: now() }).fresh;
    let attempt;
    let attached = isFresh()
      ? attach()
      : await this.#alone(async () => {
          if (!isFresh()) {
            this.#call("access");
            await this.#drive({ until: ["login"] });
          }
          return attach();
        });
    for (;;) {
      attempt = attached.attempt;
      const headers = new Headers(init.headers);
      for (const [name, value] of await this.#fields(attached)) headers.set(name, value);
      // A redirect could take the token elsewhere.
      const response = await send(url, { ...init, headers, redirect: "manual" });
      const answer = { attempt, ...headOf(response) };
      const judge = () => this.#call("answered", { ...answer, now: now() });
      // Only these two can give the session work; nothing else waits for a login that is under way.
      if (![401, 403].includes(response.status)) return (judge(), response);
      const renew = async () => {
        await this.#drive();
        return attach();
      };
      attached = await this.#alone(async () => {
        const { verdict, wait } = judge();
        if (verdict === "deliver") return null;
        await response.body?.cancel();
        return verdict === "wait" ? { wait } : renew();
      });
      if (attached === null) return response;
      if (attached.wait !== undefined) {
        // A token that was issued just now is given a moment, and nobody else waits for that.
        await new Promise((done) => setTimeout(done, 1000 * attached.wait));
        attached = await this.#alone(() => {
          if (!isFresh()) this.#call("access");
          return renew();
        });
      }
    }
  }

  /**
   * In a page: logs in, in a window that is opened at once, so call it in the click itself. The page at `redirectUri` is of
   * the same origin, and calls `handOver`. `prompt`, `login_hint`, `scope` and `add_scope` are those of `log_in`; the rest
   * is for `visitInPopup`.
   */
  async login({ popup = openPopup(), watch, signal, ...options } = {}) {
    try {
      await this.#alone(() => {
        this.#call("log_in", options);
        return this.#drive({ visit: (url) => visitInPopup(popup, url, { watch, signal }) });
      });
    } finally {
      popup.close();
    }
  }

  /**
   * Begins a login for which the page is left. The result is where to send the user, or null if another page has logged in
   * meanwhile. What it takes to finish is kept in the store, for so many seconds (`within`).
   */
  async begin({ within = 600, ...options } = {}) {
    return this.#alone(() => {
      this.#call("log_in", options);
      return this.#leave(this.#call, within);
    });
  }

  /**
   * Finishes a login that `begin` began, in whichever page of the same store: once. It takes the address at which the user
   * came back, which is the page's own if nothing is said; then the query is taken out of it. The result is where to send
   * the user once more, which is rare, or null: they are logged in.
   */
  async comeBack(where = globalThis.location, { within = 600 } = {}) {
    const query = queryOf(where);
    forget(where);
    const state = new URLSearchParams(query).get("state") ?? "";
    return this.#alone(async () => {
      const pending = JSON.parse(await this.store.take(state));
      if (pending === null) throw new OAuthError(UNKNOWN);
      const opening = { settings: this.#settings, profile: "", pending };
      const { session } = this.#module("resume", 0, opening);
      const call = (name, object, bytes) => this.#module(name, session, object, bytes);
      try {
        const { turn } = await this.#drive({ call, until: ["browser"] });
        if (turn === "browser") call("redirected", { query, now: now() });
        const url = await this.#leave(call, within);
        if (url !== null) return url;
      } finally {
        call("close");
      }
      // It is in the store now.
      this.#call("access");
      await this.#drive({ until: ["login"] });
      return null;
    });
  }

  /** Revokes the tokens, and erases them. The result says of each what became of it: its `fate`. */
  async logout() {
    return this.#alone(async () => {
      this.#call("logout");
      const { refresh_token, access_token } = await this.#drive();
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

  #call = (name, object, bytes) => this.#module(name, this.#session, object, bytes);

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
  async #leave(call, within) {
    const { turn } = await this.#drive({ call, until: ["browser"] });
    if (turn !== "browser") return null;
    const expires_at = now() + within;
    const { url, state, pending } = call("suspend", { profile: "", expires_at });
    await this.store.keep(state, pending, expires_at);
    return url;
  }

  /** Does what the session asks for, until it is done or at one of these turns; the turn. */
  async #drive({ call = this.#call, until = [], visit = this.visit } = {}) {
    this.#met = { call, visit, silent: [] };
    try {
      for (;;) {
        const turn = call("turn");
        if (["ready", "logged_out", ...until].includes(turn.turn)) return turn;
        await this.#answer(turn, until.includes("browser"));
      }
    } catch (error) {
      throw explained(error, this.#met);
    } finally {
      Object.keys(this.#locks).forEach((name) => this.#unlock(name));
    }
  }

  async #answer(turn, leaves) {
    const { call: reply, visit } = this.#met;
    switch (turn.turn) {
      case "load": {
        const record = await this.#stored(turn, () => this.store.load(turn.client));
        return record && reply("loaded", { record: record.value, now: now() });
      }
      case "lock": {
        const lock = await this.#stored(turn, () => this.store.lock(turn.lock, turn.client));
        if (!lock) return;
        this.#locks[turn.lock] = lock.value;
        return reply("locked");
      }
      case "reserve":
        // The lock belongs to who holds it, for as long as they live.
        return reply("reserved");
      case "unlock":
        this.#unlock(turn.lock);
        return reply("unlocked");
      case "save": {
        const { record, generation, expected, client } = turn;
        const saved = await this.#stored(turn, () =>
          this.store.save(record, generation, expected, client),
        );
        if (!saved) return;
        const stored = saved.value;
        return stored === undefined ? reply("saved", { now: now() }) : reply("conflict", { stored });
      }
      case "http": {
        const { head, body, silence } = await this.#exchange(turn);
        if (silence) return reply("unreachable", { ...silence, now: now() });
        return reply("response", { ...head, now: now() }, body);
      }
      case "login": {
        if (!leaves && !visit && !this.device) throw new OAuthError(required(turn));
        if (!turn.lacks_challenge) return reply("begin");
        // What the server says to who has no token: it may name a place, and scopes.
        const { head } = await this.#exchange(reply("probe"));
        return reply("probed", head);
      }
      case "sign": {
        const unsigned = reply("unsigned", { now: now() }, random(16));
        const key = this.keys[turn.key];
        return this.#give(() => (key ? sign(key, unsigned) : nothing()), (signature) =>
          reply("signed", { unsigned, now: now() }, signature),
        );
      }
      case "key":
        // One that is made now would have to be stored with the tokens, where it can be read.
        return this.#give(nothing);
      case "assertion":
        return this.#give(() => this.assertion(turn), (given) => {
          const subject = typeof given === "string" ? { assertion: given } : given;
          return reply("given", { ...subject, now: now() });
        });
      case "prepare":
        return reply("prepared", { redirect_uri: this.redirectUri, now: now() }, random(64));
      case "browser": {
        const query = await this.#visited(turn.url);
        return query === null ? reply("cancelled") : reply("redirected", { query, now: now() });
      }
      case "device":
        if (!this.device) return reply("cancelled");
        await this.device(turn);
        return reply("shown", { now: now() });
      case "wait":
        // In pieces: neither a clock that is set back nor a machine that was asleep makes it longer.
        await new Promise((done) => setTimeout(done, 1000 * Math.min(1, turn.until - now())));
        return reply("waited", { now: now() });
      default:
        throw new Error(`a turn that this host does not know: ${turn.turn}`);
    }
  }

  /** What the store gave, as `{ value }`; or nothing, and the session does without. */
  async #stored({ spent }, work) {
    for (let left = spent ? PATIENCE : 0; ; left -= 1) {
      try {
        return { value: await work() };
      } catch (error) {
        if (left === 0) {
          const { goes_on } = this.#met.call("failed", { now: now() });
          if (!goes_on) throw error;
          return;
        }
      }
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  async #exchange(request) {
    const answer = await exchange(request);
    if (answer.silence) this.#met.silent.push(request.url);
    return answer;
  }

  /** With what the user came back, or null: who fails to show them the page says why. */
  async #visited(url) {
    try {
      return await this.#met.visit(url);
    } catch (error) {
      this.#met.cause = error;
      return null;
    }
  }

  /** Answers with what only the host has, or with why it has none. */
  async #give(gift, answer) {
    const { call } = this.#met;
    let given;
    try {
      given = await gift();
    } catch (error) {
      return call("unavailable", { reason: `${error?.message}`, now: now() });
    }
    return answer(given);
  }

  #unlock(name) {
    this.#locks[name]?.();
    delete this.#locks[name];
  }
}

/** The part behind the question mark: of an address, or as it is. */
function queryOf(where) {
  const text = typeof where === "string" ? where : where.href;
  return (URL.canParse(text) ? new URL(text).search : text).replace(/^\?/, "");
}

/** What a host gives that has nothing. */
const nothing = async () => {
  throw new Error("the host has set up none");
};

const random = (length) => crypto.getRandomValues(new Uint8Array(length));
const now = () => Math.floor(Date.now() / 1000);

/** How often a save is tried again that must not get lost, and after how many milliseconds. */
const [PATIENCE, PAUSE] = [3, 200];
