// Prints the sizes of the modules in a folder as the table of the guide, and compares the two.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const [folder, update] = process.argv.slice(2);
const guide = new URL("../../../oauth-tokio/src/guide/wasm.md", import.meta.url);

// Compilers and optimizers of other versions differ by less.
const TOLERANCE = 0.03;

const kib = (bytes) => Math.round(bytes / 1024);
const sizes = (name) => {
  const files = [`${name}.wasm`, `${name}.opt.wasm`].map((file) => readFileSync(path.join(folder, file)));
  return files.flatMap((bytes) => [bytes.length, gzipSync(bytes, { level: 9 }).length]);
};
const rows = [
  ["the whole machine", sizes("whole")],
  ["… without Unicode host names", sizes("pinned")],
  ["with the code grant only", sizes("code")],
  ["… without Unicode host names", sizes("code-pinned")],
].map(([title, numbers]) => [title, ...numbers.map(kib)]);

const table = [
  "| KiB | as built | gzip | after `wasm-opt -Oz` | gzip |",
  "|---|---|---|---|---|",
  ...rows.map((row) => `| ${row.join(" | ")} |`),
].join("\n");
console.log(table);

const text = readFileSync(guide, "utf8");
const written = /(?<=<!-- tests\/wasm\/sizes -->\n)[^]*?(?=\n\n)/.exec(text)?.[0] ?? "";
if (update === "--update") {
  writeFileSync(guide, text.replace(written, table));
} else {
  const numbers = (it) => [...it.matchAll(/(?<=\| )\d+(?= \|)/g)].map(([number]) => Number(number));
  const [before, now] = [numbers(written), numbers(table)];
  const fits = (size, at) => Math.abs(size - before[at]) <= Math.max(1, TOLERANCE * before[at]);
  if (before.length !== now.length || !now.every(fits)) {
    console.error(`The guide says something else; if this is right, run it with --update:\n${written}`);
    process.exitCode = 1;
  }
}
