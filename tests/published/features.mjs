// A line for each set of features that is looked at, from what `cargo metadata` prints: the crate, and the features.

import { readFileSync } from "node:fs";

/** How many features of a crate are turned on at once. */
const core = process.argv[2] === "--pairs" ? 2 : 1;
const AT_ONCE = { "oauth-core": core, "oauth-blocking": 1, "oauth-tokio": 1 };

const { packages } = JSON.parse(readFileSync(0, "utf8"));
for (const [name, most] of Object.entries(AT_ONCE)) {
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
