// The package as npm has it: installed into an empty folder, and imported there by its name.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";

/** What `pack` has made. */
const packed = process.env.PACKED;

/** The compiler of TypeScript. */
const compiler = process.env.TSC;

/** The package in an empty folder, and what runs a program there. */
function installed(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "packed-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (program, ...told) => execFileSync(program, told, { cwd: folder, encoding: "utf8" });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  run("npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", packed);
  return { folder, run };
}

const PROGRAM = `
import * as all from "oauth-core-wasm";
const { load, OAuth } = all;
const oauth = new OAuth(await load(), { server_url: "https://mcp.example.com/mcp", bearer: "token" });
const membersOf = (it) => Object.getOwnPropertyNames(it.prototype).filter((name) => name !== "constructor");
const members = Object.values(all).flatMap((it) => (it.prototype ? membersOf(it) : []));
console.log(JSON.stringify([Object.keys(all), members, oauth.status.status]));
`;

test("the package is imported by its name, with its module and nothing else", (t) => {
  const { folder, run } = installed(t);
  writeFileSync(path.join(folder, "program.mjs"), PROGRAM);
  const [names, members, status] = JSON.parse(run(process.execPath, "program.mjs"));
  assert.equal(status, "bearer");

  const there = path.join(folder, "node_modules/oauth-core-wasm");
  const types = readFileSync(path.join(there, "index.d.ts"), "utf8");
  const typed = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(typed.toSorted(), names.toSorted());
  assert.ok(members.includes("comeBack"));
  for (const name of members) assert.match(types, new RegExp(`^  (readonly )?${name}[(:]`, "m"), name);
  const { version } = JSON.parse(readFileSync(path.join(there, "package.json"), "utf8"));
  const workspace = readFileSync(new URL("../../../Cargo.toml", import.meta.url), "utf8");
  assert.equal(version, /^version = "(.*)"$/m.exec(workspace)[1], "it goes with the crates");
  const files = readdirSync(there);
  for (const name of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "oauth.wasm"]) assert.ok(files.includes(name), name);
  assert.deepEqual(files.filter((name) => name.includes("test") || name.includes("conformance")), []);
  // Nothing that a page loads is of Node's.
  for (const name of files.filter((name) => name.endsWith(".mjs"))) {
    const text = readFileSync(path.join(there, name), "utf8");
    assert.doesNotMatch(text, /\bBuffer\b|from "node:|import\("node:/, name);
    // And each file that is imported is there.
    for (const [, other] of text.matchAll(/from "\.\/([^"]+)"/g)) assert.ok(files.includes(other), other);
  }
});

test("what the README shows is well typed, and what is wrong is not", (t) => {
  const { folder, run } = installed(t);
  const readme = readFileSync(path.join(folder, "node_modules/oauth-core-wasm/README.md"), "utf8");
  const shown = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
  assert.equal(shown.length, 4);
  const [client, buttons, callback, node] = shown;
  const files = {
    "client.ts": `${client}\nexport { oauth };`,
    "buttons.ts": `import { oauth } from "./client.js";
declare const button: HTMLButtonElement, link: HTMLAnchorElement;\n${buttons}`,
    "callback.ts": callback,
    "node.ts": `import { load, OAuth } from "oauth-core-wasm";
declare const server_url: string, visit: (url: string) => Promise<string | null>;\n${node}`,
    "wrong.ts": WRONG,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const flags = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2023", "--lib", "es2023,dom,dom.iterable"];
  run(compiler, ...flags, "--types", "", ...Object.keys(files));
});

/** Each of these lines has to be refused. */
const WRONG = `import { load, MemoryStore, OAuth } from "oauth-core-wasm";
const module = await load();
// @ts-expect-error: which server?
new OAuth(module, {});
// @ts-expect-error: it is loaded first
new OAuth(load(), { server_url: "https://mcp.example.com/mcp" });
// @ts-expect-error: there is no such grant
new OAuth(module, { server_url: "https://mcp.example.com/mcp", grant: "password" });
const oauth = new OAuth(module, { server_url: "https://mcp.example.com/mcp" }, { store: new MemoryStore() });
// @ts-expect-error: it may be null
location.assign(await oauth.begin());
// @ts-expect-error: only where somebody is logged in
oauth.status.issuer;
`;
