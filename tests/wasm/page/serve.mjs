// A server for the page and the package: what browsers have to be told, and nothing more.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** Where scripts come from, and with whom they talk: on the internet each server would be named. */
const policy = (wasm) =>
  `default-src 'none'; script-src 'self'${wasm}; style-src 'self'; img-src data:; ` +
  "connect-src 'self' http://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The page, with the package in this folder. Under `/strict/` the policy lacks what WebAssembly needs, under `/untyped/`
 * the files have no type.
 */
export async function startPage(folder, packaged) {
  const given = {};
  const server = createServer(async (request, response) => {
    const [, kind, path] = /^(\/strict|\/untyped)?(\/[^?]*)/.exec(normalize(request.url));
    const head = {
      "content-security-policy": policy(kind === "/strict" ? "" : " 'wasm-unsafe-eval'"),
      // With it, the page that comes back would be of no window that anybody opened.
      ...(path === "/callback.html" ? {} : { "cross-origin-opener-policy": "same-origin-allow-popups" }),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    };
    try {
      const text = path === "/servers.json" ? JSON.stringify(given) : await readFile(place(path));
      const type = kind === "/untyped" ? "application/octet-stream" : TYPES[extname(place(path))];
      response.writeHead(200, { ...head, "content-type": type }).end(text);
    } catch {
      response.writeHead(404, head).end();
    }
  });
  const place = (path) => {
    if (path.startsWith("/package/")) return join(packaged, path.slice("/package/".length));
    return join(folder, path === "/" ? "index.html" : path);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { origin: `http://localhost:${server.address().port}`, given, end: () => server.close() };
}
