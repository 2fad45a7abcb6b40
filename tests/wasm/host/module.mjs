// The module from JavaScript: one call with an object and bytes in, and an object out.

/** What the machine or the module says; `code`, `actor`, `advice` and `retryable` are members. */
export class OAuthError extends Error {
  constructor({ message, cause, ...members }) {
    super(message, cause && { cause });
    this.name = "OAuthError";
    Object.assign(this, members);
  }
}

/**
 * A function that calls those of the module, by name. `source` is where the module is: a URL, a path in Node, an answer of
 * `fetch`, its bytes, or a `WebAssembly.Module`. Without one it is the module of this package, beside this file.
 */
export async function load(source = new URL("./oauth.wasm", import.meta.url)) {
  const instance = await instantiate(await source).catch((error) => Promise.reject(explained(error)));
  const { memory, input, output, ...functions } = instance.exports;
  return (name, session = 0, object = {}, bytes = new Uint8Array()) => {
    const text = new TextEncoder().encode(`${JSON.stringify(object)}\n`);
    // Addresses and lengths are unsigned; JavaScript sees them signed.
    const room = input(text.length + bytes.length) >>> 0;
    if (room === 0) throw new OAuthError(TOO_LONG);
    new Uint8Array(memory.buffer, room).set(text);
    new Uint8Array(memory.buffer, room + text.length).set(bytes);
    const length = functions[name](session) >>> 0;
    const answer = new Uint8Array(memory.buffer, output() >>> 0, length);
    const { error, ...result } = JSON.parse(new TextDecoder().decode(answer));
    if (error !== undefined) throw new OAuthError(error);
    return result;
  };
}

const TOO_LONG = {
  code: "input",
  message: "the input is too long",
  actor: "whoever set this client up",
  advice: "pass in less",
  retryable: false,
};

async function instantiate(source) {
  const found = isPlace(source) ? await read(source) : source;
  if (found instanceof WebAssembly.Module) return WebAssembly.instantiate(found, {});
  const whole = async () => (await WebAssembly.instantiate(await bytes(found), {})).instance;
  if (!(found instanceof Response)) return whole();
  if (!found.ok) throw new Error(`the module is not at ${found.url}: status ${found.status}`);
  // With any other type, or with a parameter, it would be refused.
  if (found.headers.get("content-type") !== "application/wasm") return whole();
  return (await WebAssembly.instantiateStreaming(found, {})).instance;
}

/** What browsers say of a policy that forbids WebAssembly names a word that permits far more. */
function explained(error) {
  if (!/content security|\bCSP\b/i.test(error?.message)) return error;
  return new OAuthError({
    code: "content_security_policy",
    message: "the page's content security policy forbids WebAssembly",
    actor: "whoever set this client up",
    advice: "add 'wasm-unsafe-eval' to its script-src",
    retryable: false,
    cause: error,
  });
}

const isPlace = (source) => typeof source === "string" || source instanceof URL;

const bytes = (found) => (found instanceof Response ? found.arrayBuffer() : found);

/** A file in Node, whose `fetch` reads none; what pages load has only URLs. */
async function read(place) {
  if (typeof place === "string" && /^(file|data|blob):/i.test(place)) return read(new URL(place));
  const isFile = place instanceof URL ? place.protocol === "file:" : !/^[a-z]+:\/\//i.test(place);
  if (!isFile || globalThis.process?.versions?.node === undefined) return fetch(place);
  // Not written as an import: programs that bundle pages would look for it.
  const files = "node:fs/promises";
  const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ files);
  return readFile(place);
}
