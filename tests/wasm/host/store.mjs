// A store in memory, with locks. Other stores have the same six methods. `client` is the key of a client's
// record, which all users share; without it, the record is the user's own.

export class MemoryStore {
  #records = {};
  #held = {};
  #logins = new Map();

  /** The text that was saved last, or null. */
  async load(client) {
    return this.#records[name(client)]?.record ?? null;
  }

  /** Replaces the record if it has the expected generation; else the result is the one it has. */
  async save(record, generation, expected, client) {
    const stored = this.#records[name(client)]?.generation ?? 0;
    if (stored !== expected) return stored;
    this.#records[name(client)] = { record, generation };
  }

  /** Erases the record if it is still this one, which cannot be read. */
  async erase(record, client) {
    if (this.#records[name(client)]?.record === record) delete this.#records[name(client)];
  }

  /** Waits until nobody else holds the lock; the result releases it. */
  async lock(lock, client) {
    const held = lock + name(client);
    const before = this.#held[held];
    let release;
    this.#held[held] = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }

  /** Keeps a login whose user is away, until a time in seconds. What is older is forgotten. */
  async keep(state, pending, expiresAt) {
    const now = Math.floor(Date.now() / 1000);
    for (const [old, login] of this.#logins) if (login.expiresAt < now) this.#logins.delete(old);
    this.#logins.set(state, { pending, expiresAt });
  }

  /** Takes that login out, or null: nobody gets it twice. */
  async take(state) {
    const pending = this.#logins.get(state)?.pending ?? null;
    this.#logins.delete(state);
    return pending;
  }
}

/** What a record is called. */
export const name = (client) => (client === undefined ? "own" : JSON.stringify(client));
