// A login in a window of its own: opened in the click, and led back by the page at the redirect URI.

import { OAuthError } from "./module.mjs";

/**
 * An empty window for a login. Call it in the click itself, before anything is awaited: browsers block what comes later.
 */
export function openPopup(features = "popup,width=520,height=720") {
  const popup = globalThis.open("about:blank", "_blank", features);
  if (popup === null) {
    throw new OAuthError({
      code: "popup_blocked",
      message: "the browser did not open a window for the login",
      actor: "the user",
      advice: "open it in the click, before anything is awaited; or use begin(), which needs no window",
      retryable: true,
    });
  }
  // The pages of the authorization server are not to lead this one elsewhere.
  popup.opener = null;
  return popup;
}

/**
 * Shows the URL in that window. The result is the query with which the user came back, or null if they closed it, or the
 * `signal` said so. `watch` is false for servers whose pages cut the tie to who opened them
 * (`Cross-Origin-Opener-Policy`): for those the window looks closed although it is open.
 */
export async function visitInPopup(popup, url, { watch = true, signal } = {}) {
  const state = new URL(url).searchParams.get("state");
  const channel = new BroadcastChannel(CHANNEL);
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  channel.onmessage = ({ data }) => data?.state === state && end(data.query);
  // The page that comes back sees by this lock that somebody waits.
  const waits = navigator.locks.request(lockOf(state), () => ended);
  const timer = watch && setInterval(() => popup.closed && end(null), LOOK);
  const stop = () => end(null);
  signal?.addEventListener("abort", stop);
  try {
    if (signal?.aborted) return null;
    popup.location.replace(url);
    return await ended;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
    end(null);
    await waits;
    channel.close();
  }
}

/**
 * On the page at the redirect URI: whether a page of this origin waits for this login in a window. Then it gets the query,
 * and the window is closed. Otherwise nothing has happened, and `comeBack` finishes the login.
 */
export async function handOver(where = globalThis.location) {
  const query = where.search.slice(1);
  const state = new URLSearchParams(query).get("state");
  const name = lockOf(state);
  const { held } = await navigator.locks.query();
  if (state === null || !held.some((lock) => lock.name === name)) return false;
  forget(where);
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ state, query });
  // Had once the other page has read it, or is gone.
  await navigator.locks.request(name, () => {});
  channel.close();
  globalThis.close();
  return true;
}

/** Takes the query out of the address and the history: a code is in it. */
export function forget(where) {
  if (where === globalThis.location) history.replaceState(history.state, "", where.pathname);
}

const lockOf = (state) => `oauth-core:popup:${state}`;

const CHANNEL = "oauth-core";

/** How often the window is looked at, in milliseconds: browsers say nothing when one is closed. */
const LOOK = 200;
