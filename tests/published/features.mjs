// A line for each set of features that is looked at, from what `cargo metadata` prints: the crate, and the features.

import { readFileSync } from "node:fs";

const [how, ...crates] = process.argv.slice(2);

const { packages } = JSON.parse(readFileSync(0, "utf8"));
for (const name of crates) {
  const isCore = name === "oauth-core";
  const most = how === "--all" ? (isCore ? 2 : 1) : isCore ? 1 : 0;
  const { features } = packages.find((it) => it.name === name);
  const names = Object.keys(features).filter((it) => it !== "default");
  const seen = new Set();
  for (const set of [[], ...upTo(most, names)]) {
    // A feature that another one brings along makes no difference beside it.
    const all = [...closure(set, features)].sort().join(" ");
    if (seen.has(all)) continue;
    seen.add(all);
    console.log(`${name} ${set.join(",")}`);
  }
}

/** All sets with one to `most` of these. */
function upTo(most, names) {
  if (most === 0) return [];
  const smaller = upTo(most - 1, names);
  const larger = [[], ...smaller].flatMap((set) =>
    names.filter((name) => !set.length || names.indexOf(name) > names.indexOf(set.at(-1))).map((name) => [...set, name]),
  );
  return [...smaller, ...larger.filter((set) => set.length === most)];
}

function closure(set, features) {
  const all = new Set();
  const open = [...set];
  while (open.length) {
    const feature = open.pop();
    if (all.has(feature)) continue;
    all.add(feature);
    open.push(...(features[feature] ?? []));
  }
  return all;
}
