// A login in a window of its own: opened in the click, and led back by the page at the redirect URI.

import { OAuthError } from "./module.mjs";
import { GIVEN_UP, unlessGivenUp } from "./trouble.mjs";

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

/** The window of one login, from the click to its end. */
export class Popup {
  #window;
  #given = new AbortController();
  #timer;
  #end;
  #over = new Promise((resolve) => (this.#end = resolve));
  constructor(window, { watch = true, signal } = {}) {
    this.#window = window;
    const gives = () => this.#given.abort(new OAuthError({ ...GIVEN_UP, cause: signal?.reason }));
    this.#timer = watch && setInterval(() => window.closed && gives(), LOOK);
    signal?.addEventListener("abort", gives, { signal: this.#given.signal });
    if (signal?.aborted) gives();
  }

  /** Says that the user does not want to log in any more: they closed the window, or the host says so. */
  get signal() {
    return this.#given.signal;
  }

  /** Shows the page. The result is the query with which the user came back, or null. */
  async visit(url, state) {
    const channel = new BroadcastChannel(CHANNEL);
    try {
      const comes = new Promise((resolve) => {
        channel.onmessage = ({ data }) => data?.state === state && resolve(data.query);
      });
      // The page that comes back sees by this lock that somebody waits. It stays until the login is over: the user may have
      // to go there once more, in the same window.
      navigator.locks.request(lockOf(state), () => this.#over).catch(() => {});
      this.#window.location.replace(url);
      return await unlessGivenUp(this.signal, comes);
    } catch (error) {
      if (this.signal.aborted) return null;
      throw error;
    } finally {
      channel.close();
    }
  }

  end() {
    clearInterval(this.#timer);
    this.#end();
    this.#window.close();
  }
}

/**
 * On the page at the redirect URI: whether a page of this origin waits for this login in a window. Then it gets the query,
 * and the window is closed. Otherwise nothing has happened, and `comeBack` finishes the login.
 */
export async function handOver(where = globalThis.location) {
  const query = queryOf(where);
  const state = new URLSearchParams(query).get("state");
  const name = lockOf(state);
  const { held } = await navigator.locks.query();
  if (state === null || !held.some((lock) => lock.name === name)) return false;
  forget(where);
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ state, query });
  // Had once the login is over, or the other page is gone. Until then that page may show another one here.
  await navigator.locks.request(name, () => {});
  channel.close();
  globalThis.close();
  return true;
}

/** The part behind the question mark: of an address, of its path, or as it is. */
export function queryOf(where) {
  const text = typeof where === "string" ? where : where.href;
  if (URL.canParse(text)) return new URL(text).search.slice(1);
  return text.split("#")[0].replace(/^(\/[^?]*)?\?/, "");
}

/** Takes the query out of the address and the history: a code is in it. */
export function forget(where) {
  if (where === globalThis.location) history.replaceState(history.state, "", where.pathname);
}

const lockOf = (state) => `oauth-core:popup:${state}`;

const CHANNEL = "oauth-core";

/** How often the window is looked at, in milliseconds: browsers say nothing when one is closed. */
const LOOK = 200;
