// What only the host knows of an error.

import { adviceOnCors, silenceOf } from "./exchange.mjs";
import { OAuthError } from "./module.mjs";

/** A request of the application's. In a page, an error of the network says what it may be. */
export async function send(url, init) {
  // What `fetch` would not send it refuses with the same kind of error as a network that is down. A body that can be read
  // once is left alone.
  const body = typeof init.body === "string" ? init.body : undefined;
  // An address may be relative to the page's.
  const target = new Request(url, { ...init, body }).url;
  try {
    return await fetch(url, init);
  } catch (cause) {
    const isAborted = init.signal?.aborted;
    const advice = !isAborted && silenceOf(cause) && adviceOnCors(target);
    if (!advice) throw cause;
    const message = `no answer came from ${new URL(target).origin}`;
    const actor = "the server's operator";
    const members = { code: "unreachable", message, actor, advice, retryable: true };
    throw new OAuthError({ ...members, cause });
  }
}

/** Adds what only the host knows of an error: which request had no answer, and why nobody came back. */
export function explained(error, { silent, cause }) {
  if (error?.code === "cancelled" && cause !== undefined) error.cause = cause;
  if (error?.code !== "unreachable" || silent.length === 0) return error;
  const url = silent.find((url) => error.message.includes(url)) ?? silent.at(-1);
  const advice = adviceOnCors(url);
  if (advice !== null) error.advice = `${advice}. Or: ${error.advice}`;
  return error;
}

/** The error of a host that asks nobody by itself. */
export function required({ code, reason, missing }) {
  return {
    code,
    message: `a login is needed (${reason})`,
    actor: "the user",
    advice: "call login() in a click, or begin()",
    retryable: false,
    missing,
  };
}

/** What comes of it, unless the signal comes first: then nobody waits for it any more, and it goes on by itself. */
export async function unlessGivenUp(signal, work) {
  if (!signal) return work;
  let stop;
  const given = new Promise((_, reject) => (stop = () => reject(signal.reason)));
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, given]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Why a login in a window has ended without its user. */
export const GIVEN_UP = {
  code: "cancelled",
  message: "the login was given up: its window was closed, or the program said so",
  actor: "the user",
  advice: "log in again",
  retryable: false,
};

/** The error of `comeBack` where nothing waits. */
export const UNKNOWN = {
  code: "login_unknown",
  message: "no login waits here for who comes back with this address",
  actor: "the user",
  advice: "log in again: a login is finished in the browser where it began, in time, and once",
  retryable: false,
};
