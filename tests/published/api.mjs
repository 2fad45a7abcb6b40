// What a new version of a crate could break without meaning to, from the JSON that rustdoc writes: types of other crates in
// its interface, and what cannot grow. A line for each.
//
//   api.mjs DIRECTORY CRATE...

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Everybody has the first three, and ours go together. */
const OURS = ["std", "core", "alloc", "oauth_core", "oauth_blocking", "oauth_tokio"];

function main(directory, ...crates) {
  for (const name of crates) {
    const crate = JSON.parse(readFileSync(join(directory, `${name.replaceAll("-", "_")}.json`)));
    const items = Object.values(crate.index).filter((item) => item.crate_id === 0);
    section(`${name}: types and traits of other crates`, items.flatMap((item) => named(crate, item)));
    section(`${name}: enums that cannot grow, because who uses them has to handle all of it`, closed(crate, items, isClosedEnum));
    section(`${name}: structs that cannot grow, because anybody can make one`, closed(crate, items, isOpenStruct));
  }
}

function section(title, lines) {
  console.log(`## ${title}\n`);
  [...new Set(lines)].sort().forEach((line) => console.log(line));
  console.log();
}

/** Those of other crates that an item names. What every type has, or what the compiler adds, says nothing. */
function named(crate, { inner }) {
  const [kind] = Object.keys(inner);
  if (kind === "impl" && (inner.impl.is_synthetic || inner.impl.blanket_impl)) return [];
  const ids = [];
  visit(inner, (object) => {
    if (typeof object.id === "number" && typeof object.path === "string") ids.push(object.id);
    if (kind === "use" && typeof inner.use.id === "number") ids.push(inner.use.id);
  });
  return ids.flatMap((id) => {
    const found = crate.paths[id];
    const owner = crate.external_crates[found?.crate_id]?.name;
    return owner && !OURS.includes(owner) ? [found.path.join("::")] : [];
  });
}

function visit(value, look) {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) look(value);
  Object.values(value).forEach((part) => visit(part, look));
}

const closed = (crate, items, isIt) =>
  items.filter((item) => isIt(crate, item)).map((item) => crate.paths[item.id]?.path.join("::") ?? item.name);

const isMarked = (item) => item.attrs.some((attribute) => JSON.stringify(attribute).includes("non_exhaustive"));

const isClosedEnum = (_crate, item) => item.inner.enum && !isMarked(item);

function isOpenStruct(crate, item) {
  const kind = item.inner.struct?.kind;
  if (!kind || isMarked(item)) return false;
  const fields = kind.plain ? (kind.plain.has_stripped_fields ? [null] : kind.plain.fields) : kind.tuple;
  if (!fields?.length) return false;
  return fields.every((id) => id !== null && crate.index[id]?.visibility === "public");
}

main(...process.argv.slice(2));
