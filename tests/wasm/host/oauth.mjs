// A whole host around the module: `fetch`, a clock, random bytes, a store and its locks.

import { describe, sign } from "./key.mjs";
import { MemoryStore } from "./store.mjs";

/**
 * One user at one MCP server. `module` is what `load` gave; `visit` takes the URL to show to the user, and
 * returns the query with which they came back to `redirectUri`.
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
  #call;
  #locks = {};
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
    },
  ) {
    const signing_key = key && describe(key, keyId);
    const dpop_key = dpopKey && { jwk: dpopKey.jwk };
    const { session } = module("open", 0, { settings: { signing_key, dpop_key, ...settings } });
    this.#call = (name, object, bytes) => module(name, session, object, bytes);
    Object.assign(this, { redirectUri, visit, device, assertion, store });
    this.keys = { client: key, dpop: dpopKey?.privateKey };
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
            await this.#drive({ mayLogIn: false });
          }
          return attach();
        });
    for (;;) {
      attempt = attached.attempt;
      const headers = new Headers(init.headers);
      for (const [name, value] of await this.#fields(attached)) headers.set(name, value);
      // A redirect could take the token elsewhere.
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      const answer = { attempt, status: response.status, headers: [...response.headers] };
      const judge = () => this.#call("answered", { ...answer, now: now() });
      // Only these two can give the session work; nothing else waits for a login that is under way.
      if (![401, 403].includes(response.status)) return (judge(), response);
      const renew = async () => {
        await this.#drive({ mayLogIn: true });
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

  /** How it stands, as far as this session knows: without a request. */
  get status() {
    return this.#call("status", { now: now() });
  }

  /** How it came to this, for people. */
  get timeline() {
    return this.#call("timeline").text;
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

  /** Does what the session asks for, until there is a token or a login would be needed. */
  async #drive({ mayLogIn }) {
    try {
      for (;;) {
        const turn = this.#call("turn");
        if (turn.turn === "ready" || (turn.turn === "login" && !mayLogIn)) return;
        await this.#answer(turn);
      }
    } finally {
      Object.keys(this.#locks).forEach((name) => this.#unlock(name));
    }
  }

  async #answer(turn) {
    const reply = this.#call;
    switch (turn.turn) {
      case "load": {
        const record = await this.store.load(turn.client);
        return reply("loaded", { record, now: now() });
      }
      case "lock":
        this.#locks[turn.lock] = await this.store.lock(turn.lock, turn.client);
        return reply("locked");
      case "reserve":
        // The store is in memory, and the lock belongs to who holds it.
        return reply("reserved");
      case "unlock":
        this.#unlock(turn.lock);
        return reply("unlocked");
      case "save": {
        const stored = await this.store.save(
          turn.record,
          turn.generation,
          turn.expected,
          turn.client,
        );
        return stored === undefined ? reply("saved", { now: now() }) : reply("conflict", { stored });
      }
      case "http": {
        const answer = await exchange(turn).catch(() => null);
        if (answer === null) return reply("unreachable", { now: now() });
        return reply("response", { ...answer.head, now: now() }, answer.body);
      }
      case "login":
        return reply("begin");
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
        const query = await this.visit(turn.url).catch(() => null);
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

  /** Answers with what only the host has, or with why it has none. */
  async #give(gift, answer) {
    let given;
    try {
      given = await gift();
    } catch (error) {
      return this.#call("unavailable", { reason: `${error?.message}`, now: now() });
    }
    return answer(given);
  }

  #unlock(name) {
    this.#locks[name]?.();
    delete this.#locks[name];
  }
}

/** Sends exactly this, once; follows no redirect; reads no more than it should. */
async function exchange({ method, url, headers, body, read_at_most }) {
  const signal = AbortSignal.timeout(30_000);
  const response = await fetch(url, { method, headers, body, signal, redirect: "manual" });
  const chunks = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop closes the connection.
    if (length >= read_at_most) break;
  }
  const head = { status: response.status, headers: [...response.headers] };
  return { head, body: Buffer.concat(chunks).subarray(0, read_at_most) };
}

/** What a host gives that has nothing. */
const nothing = async () => {
  throw new Error("the host has set up none");
};

const random = (length) => crypto.getRandomValues(new Uint8Array(length));
const now = () => Math.floor(Date.now() / 1000);
