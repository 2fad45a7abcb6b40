// What only the host knows of an error.

import { adviceOnCors, silenceOf } from "./exchange.mjs";
import { OAuthError } from "./module.mjs";

/** A request of the application's. In a page, an error of the network says what it may be. */
export async function send(url, init) {
  try {
    return await fetch(url, init);
  } catch (cause) {
    // An address may be relative to the page's.
    const target = new Request(url).url;
    const advice = silenceOf(cause) && adviceOnCors(target);
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

/** The error of `comeBack` where nothing waits. */
export const UNKNOWN = {
  code: "login_unknown",
  message: "no login waits here for who comes back with this address",
  actor: "the user",
  advice: "log in again: a login is finished in the browser where it began, in time, and once",
  retryable: false,
};
