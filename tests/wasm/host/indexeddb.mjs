// A store that all pages of an origin share: IndexedDB, and `navigator.locks`.

import { newDpopKey } from "./key.mjs";
import { name } from "./store.mjs";

/**
 * The tokens of one user at one MCP server. `profile` tells users apart, `database` what has nothing to do with each
 * other. All scripts of the origin can read what is in here.
 */
export class IndexedDbStore {
  #name;
  #user;
  #opened;

  constructor(serverUrl, { profile = "", database = "oauth-core" } = {}) {
    this.#name = database;
    this.#user = JSON.stringify([serverUrl, profile]);
  }

  async load(client) {
    const stored = await this.#do(RECORDS, "readonly", (records) => records.get(this.#key(client)));
    return stored?.record ?? null;
  }

  /** A look and a save in one transaction: no other page can come between them. */
  async save(record, generation, expected, client) {
    const key = this.#key(client);
    return this.#do(RECORDS, "readwrite", async (records) => {
      const stored = (await done(records.get(key)))?.generation ?? 0;
      if (stored !== expected) return stored;
      await done(records.put({ record, generation }, key));
    });
  }

  async erase(record, client) {
    const key = this.#key(client);
    await this.#do(RECORDS, "readwrite", async (records) => {
      if ((await done(records.get(key)))?.record === record) await done(records.delete(key));
    });
  }

  /** The browser releases it when the page is closed, or crashes. */
  async lock(lock, client) {
    const held = `${this.#name}:${lock}:${this.#key(client)}`;
    return new Promise((resolve, reject) => {
      const release = () => new Promise((end) => resolve(end));
      navigator.locks.request(held, release).catch(reject);
    });
  }

  async keep(state, pending, expiresAt) {
    const now = Math.floor(Date.now() / 1000);
    await this.#do(LOGINS, "readwrite", async (logins) => {
      // A user who never came back leaves nothing for ever.
      const all = await done(logins.getAll());
      for (const old of all) if (old.expiresAt < now) logins.delete(old.state);
      await done(logins.put({ state, user: this.#user, pending, expiresAt }));
    });
  }

  async take(state) {
    return this.#do(LOGINS, "readwrite", async (logins) => {
      const login = await done(logins.get(state));
      if (login?.user !== this.#user) return null;
      await done(logins.delete(state));
      return login.pending;
    });
  }

  /**
   * The key to bind this user's tokens to, which is made by the first page that asks. Its private half cannot be read:
   * who copies the database has tokens that are of no use without this browser.
   */
  async dpopKey(algorithm) {
    // A transaction does not wait for this, so it may turn out not to be needed.
    const made = await newDpopKey(algorithm);
    return this.#do(KEYS, "readwrite", async (keys) => {
      const stored = await done(keys.get(this.#user));
      if (stored === undefined) await done(keys.put(made, this.#user));
      return stored ?? made;
    });
  }

  /** Clients' records are of no user. */
  #key(client) {
    return client === undefined ? this.#user : name(client);
  }

  /** Does it, and waits until it is written. */
  async #do(store, mode, work) {
    const database = await (this.#opened ??= this.#open());
    // What is saved may have spent what was there before: it has to be on the disk.
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const written = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
    // Who fails below is told there.
    written.catch(() => {});
    const asked = work(transaction.objectStore(store));
    const result = await (asked instanceof IDBRequest ? done(asked) : asked);
    await written;
    return result;
  }

  #open() {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDS);
      request.result.createObjectStore(LOGINS, { keyPath: "state" });
      request.result.createObjectStore(KEYS);
    };
    const opened = done(request).then((database) => {
      const forget = () => (this.#opened = undefined);
      // A page that deletes the database is not kept waiting, and browsers close it when they clear their data.
      database.onversionchange = () => (database.close(), forget());
      database.onclose = forget;
      return database;
    });
    // The next one tries again.
    opened.catch(() => (this.#opened = undefined));
    return opened;
  }
}

/** What a request of the database gives. */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const [RECORDS, LOGINS, KEYS] = ["records", "logins", "keys"];
