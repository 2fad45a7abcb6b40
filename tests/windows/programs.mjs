// Reads what cargo says of its artifacts, and prints the programs to run, each with the folder to run it in:
// tests, and examples. Those that are named come first.

import { readFileSync } from "node:fs";
import { dirname } from "node:path";

const first = process.argv.slice(2);

const programs = readFileSync(0, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter(({ reason, executable }) => reason === "compiler-artifact" && executable)
    .filter(({ profile, target }) => profile.test || target.kind.includes("example"));

const rank = ({ target }) => (first.includes(target.name) ? first.indexOf(target.name) : first.length);
programs.sort((one, other) => rank(one) - rank(other));
for (const { executable, manifest_path } of programs) {
    console.log(`${dirname(manifest_path)} ${executable}`);
}
