// A store in memory, with locks. Other stores have the same three methods.

export class MemoryStore {
  #record = null;
  #generation = 0;
  #held = { refresh: Promise.resolve(), login: Promise.resolve() };

  /** The text that was saved last, or null. */
  async load() {
    return this.#record;
  }

  /** Replaces the record if it has the expected generation; else the result is the one it has. */
  async save(record, generation, expected) {
    if (this.#generation !== expected) return this.#generation;
    [this.#record, this.#generation] = [record, generation];
  }

  /** Waits until nobody else holds the lock; the result releases it. */
  async lock(name) {
    const before = this.#held[name];
    let release;
    this.#held[name] = new Promise((resolve) => (release = resolve));
    await before;
    return release;
  }
}
