// What a host does for each turn of a session.

import { exchange } from "./exchange.mjs";
import { sign } from "./key.mjs";
import { OAuthError } from "./module.mjs";
import { explained, required, unlessGivenUp } from "./trouble.mjs";

/** Drives one session; `host` has the store, the keys, and what shows users a page. One drive at a time. */
export class Driver {
  #host;
  #call;
  #locks = {};
  /** Of the drive that is under way: what the machine cannot know of its errors. */
  #met;

  constructor(host, call) {
    this.#host = host;
    this.#call = call;
  }

  /** Does what the session asks for, until it is done or at one of these turns; the turn. */
  async drive({ until = [], visit = this.#host.visit, signal } = {}) {
    this.#met = { visit, signal, silent: [] };
    try {
      for (;;) {
        const turn = this.#call("turn");
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
    const reply = (...what) => this.#call(...what);
    const { visit } = this.#met;
    switch (turn.turn) {
      case "load": {
        const record = await this.#stored(turn, () => this.#host.store.load(turn.client));
        return record && this.#loaded(record.value, turn.client);
      }
      case "lock": {
        const lock = await this.#stored(turn, () => this.#lock(turn));
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
          this.#host.store.save(record, generation, expected, client),
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
        if (!leaves && !visit && !this.#host.device) throw new OAuthError(required(turn));
        if (!turn.lacks_challenge) return reply("begin");
        // What the server says to who has no token: it may name a place, and scopes.
        const { head } = await this.#exchange(reply("probe"));
        return reply("probed", head);
      }
      case "sign": {
        const unsigned = reply("unsigned", { now: now() }, random(16));
        const key = this.#host.keys[turn.key];
        return this.#give(() => (key ? sign(key, unsigned) : nothing()), (signature) =>
          reply("signed", { unsigned, now: now() }, signature),
        );
      }
      case "key":
        // One that is made now would have to be stored with the tokens, where it can be read.
        return this.#give(nothing);
      case "assertion":
        return this.#give(() => this.#host.assertion(turn), (given) => {
          const subject = typeof given === "string" ? { assertion: given } : given;
          return reply("given", { ...subject, now: now() });
        });
      case "prepare":
        return reply("prepared", { redirect_uri: this.#host.redirectUri, now: now() }, random(64));
      case "browser": {
        const query = await this.#visited(turn);
        return query === null ? reply("cancelled") : reply("redirected", { query, now: now() });
      }
      case "device":
        if (!this.#host.device) return reply("cancelled");
        await this.#host.device(turn);
        return reply("shown", { now: now() });
      case "wait":
        // In pieces: neither a clock that is set back nor a machine that was asleep makes it longer.
        await pause(1000 * Math.min(1, turn.until - now()));
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
          const { goes_on } = this.#call("failed", { now: now() });
          if (!goes_on) throw error;
          return;
        }
      }
      await pause(PAUSE);
    }
  }

  /** One that cannot be read is no record, as in other hosts: the user logs in again, and not never. */
  async #loaded(record, client) {
    try {
      return this.#call("loaded", { record, now: now() });
    } catch (error) {
      if (error?.code !== "record_is_damaged") throw error;
      await this.#host.store.erase(record, client);
      return this.#call("loaded", { record: null, now: now() });
    }
  }

  /** A lock that comes when nobody waits any more is given back. */
  async #lock({ lock, client }) {
    const { signal } = this.#met;
    const comes = this.#host.store.lock(lock, client);
    try {
      return await unlessGivenUp(signal, comes);
    } catch (error) {
      comes.then((release) => release(), () => {});
      throw error;
    }
  }

  async #exchange(request) {
    const answer = await exchange(request);
    if (answer.silence) this.#met.silent.push(request.url);
    return answer;
  }

  /** With what the user came back, or null: who fails to show them the page says why. */
  async #visited({ url, state }) {
    try {
      return await this.#met.visit(url, state);
    } catch (error) {
      this.#met.cause = error;
      return null;
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

/** What a host gives that has nothing. */
export const nothing = async () => {
  throw new Error("the host has set up none");
};

export const random = (length) => crypto.getRandomValues(new Uint8Array(length));
export const now = () => Math.floor(Date.now() / 1000);
export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** How often a save is tried again that must not get lost, and after how many milliseconds. */
const [PATIENCE, PAUSE] = [3, 200];
