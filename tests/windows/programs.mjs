// Reads what cargo says of its artifacts, and prints each program as soon as it is built, after the folder to run it
// in: tests, and examples.

import { createInterface } from "node:readline";
import { dirname } from "node:path";

const printed = new Set();

for await (const line of createInterface({ input: process.stdin })) {
    if (!line.startsWith("{")) continue;
    const { reason, executable, profile, target, manifest_path } = JSON.parse(line);
    if (reason !== "compiler-artifact" || !executable || printed.has(executable)) continue;
    if (profile.test || target.kind.includes("example")) {
        printed.add(executable);
        console.log(`${dirname(manifest_path)} ${executable}`);
    }
}
