// The package as npm has it: installed into an empty folder, and imported there by its name.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";

/** What `pack` has made. */
const packed = process.env.PACKED;

const PROGRAM = `
import * as all from "oauth-core-wasm";
const { load, OAuth } = all;
const oauth = new OAuth(await load(), { server_url: "https://mcp.example.com/mcp", bearer: "token" });
const membersOf = (it) => Object.getOwnPropertyNames(it.prototype).filter((name) => name !== "constructor");
const members = Object.values(all).flatMap((it) => (it.prototype ? membersOf(it) : []));
console.log(JSON.stringify([Object.keys(all), members, oauth.status.status]));
`;

test("the package is imported by its name, with its module and nothing else", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "packed-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (program, ...told) => execFileSync(program, told, { cwd: folder, encoding: "utf8" });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  run("npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", packed);
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
