// The module from JavaScript: one call with an object and bytes in, and an object out.

import { readFile } from "node:fs/promises";

/** What the machine or the module says; `code`, `actor`, `advice` and `retryable` are members. */
export class OAuthError extends Error {
  constructor({ message, ...members }) {
    super(message);
    Object.assign(this, members);
  }
}

/** A function that calls those of the module, by name. */
export async function load(file) {
  const { instance } = await WebAssembly.instantiate(await readFile(file), {});
  const { memory, input, output, ...functions } = instance.exports;
  return (name, session = 0, object = {}, bytes = new Uint8Array()) => {
    const text = new TextEncoder().encode(`${JSON.stringify(object)}\n`);
    // Addresses and lengths are unsigned; JavaScript sees them signed.
    const room = input(text.length + bytes.length) >>> 0;
    if (room === 0) throw new OAuthError({ code: "input", message: "the input is too long" });
    new Uint8Array(memory.buffer, room).set(text);
    new Uint8Array(memory.buffer, room + text.length).set(bytes);
    const length = functions[name](session) >>> 0;
    const answer = new Uint8Array(memory.buffer, output() >>> 0, length);
    const { error, ...result } = JSON.parse(new TextDecoder().decode(answer));
    if (error !== undefined) throw new OAuthError(error);
    return result;
  };
}
