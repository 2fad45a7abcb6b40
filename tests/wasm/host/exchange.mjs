// One request of the machine's, and what kept its answer away.

/**
 * Sends exactly this, once; follows no redirect; reads no more than it should. The result is `{ head, body }`, or
 * `{ silence }` if no answer came. What is thrown is a mistake in here, and no matter of the network.
 */
export async function exchange({ method, url, headers, body, read_at_most }) {
  const signal = AbortSignal.timeout(TIMEOUT);
  const how = { credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" };
  const init = { method, headers, body: body ?? undefined, signal, redirect: "manual", ...how };
  // What `fetch` would not send it refuses with a `TypeError`, as it says that there is no network.
  new Request(url, init);
  try {
    const response = await fetch(url, init);
    return { head: headOf(response), body: await read(response, read_at_most) };
  } catch (error) {
    const silence = silenceOf(error);
    if (silence === null) throw error;
    return { silence };
  }
}

/**
 * Status and header fields. A page may not see where a redirect leads, nor that it is one: its status is 0 there. The
 * machine is told of one that leads nowhere, so that it follows none and says that this was a redirect; with 0 it would
 * say that there is nothing.
 */
export function headOf(response) {
  if (response.type === "opaqueredirect") return { status: 302, headers: [] };
  return { status: response.status, headers: [...response.headers] };
}

/** What the machine is told of an error of `fetch`, or null if it is no matter of the network. */
export function silenceOf(error) {
  const words = [error?.message, error?.cause?.code ?? error?.cause?.message];
  const silence = { words: words.filter(Boolean).join(": ") };
  if (error?.name === "TimeoutError") return { obstacle: "time", ...silence };
  if (!(error instanceof TypeError)) return null;
  const found = OBSTACLES.find(([codes]) => codes.test(error.cause?.code ?? ""));
  return found ? { obstacle: found[1], ...silence } : silence;
}

/**
 * What to look at if a page got no answer from this URL, or null where there is no page, or only its own server. The
 * browser tells nobody whether there was an answer that the page may not read.
 */
export function adviceOnCors(url) {
  const page = globalThis.location?.origin;
  const { origin, pathname } = new URL(url);
  if (page === undefined || page === origin) return null;
  return (
    `the browser does not say why there is no answer from ${origin}${pathname}: CORS? ` +
    `That server has to permit pages of ${page} (Access-Control-Allow-Origin, also in its answers to OPTIONS); ` +
    "the browser's console says more, and so does the package's README"
  );
}

async function read(response, most) {
  const chunks = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && length < most) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  // Closes the connection if there is more.
  if (length >= most) reader.cancel().catch(() => {});
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body.subarray(0, most);
}

/** What Node calls them. A browser tells nothing. */
const OBSTACLES = [
  [/^(ENOTFOUND|EAI_)/, "name"],
  [/^(CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/, "tls"],
  [/TIMEOUT/, "time"],
  [/^(ECONN|EHOST|ENET|EPIPE|UND_ERR_SOCKET)/, "connection"],
];

/** Milliseconds. */
const TIMEOUT = 30_000;
