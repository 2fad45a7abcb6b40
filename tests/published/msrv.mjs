// Fails if something that the crates depend on wants a newer compiler than they promise. From what `cargo metadata` prints.

import { readFileSync } from "node:fs";

const [promised, ...crates] = process.argv.slice(2);
const { packages, resolve } = JSON.parse(readFileSync(0, "utf8"));
const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
const byId = new Map(packages.map((it) => [it.id, it]));

// Not what only their tests need: who uses a crate does not compile that.
const open = packages.filter(({ name }) => crates.includes(name)).map(({ id }) => id);
const seen = new Set(open);
while (open.length) {
  for (const { pkg, dep_kinds } of nodes.get(open.pop()).deps) {
    if (seen.has(pkg) || dep_kinds.every(({ kind }) => kind === "dev")) continue;
    seen.add(pkg);
    open.push(pkg);
  }
}

const needed = [...seen].map((id) => byId.get(id));
const newer = needed.filter(({ rust_version }) => rust_version && isNewer(rust_version, promised));
if (newer.length === 0) {
  console.log(`${needed.length} packages, none of which says that it needs more than ${promised}`);
} else {
  const lines = newer.map(({ name, version, rust_version }) => `${name} ${version} wants ${rust_version}`);
  console.error(`${lines.join("\n")}\nand ${promised} is promised`);
  process.exitCode = 1;
}

function isNewer(one, other) {
  const numbers = (text) => text.split(".").map(Number);
  const [a, b] = [numbers(one), numbers(other)];
  return [0, 1, 2].map((at) => (a[at] ?? 0) - (b[at] ?? 0)).find((difference) => difference !== 0) > 0;
}
