// Runs every leg of expected.json strictly: one scenario after the other, each by itself.
// Started by `run`, which brings the suites, a Node that they run on, and the client.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { difference, expectation, expectationErrors, listingDifferences } from "./judge.mjs";
import { Report } from "./report.mjs";
import { listScenarios, runScenario } from "./suite.mjs";

const { values: options } = parseArgs({
  options: {
    client: { type: "string" },
    transport: { type: "string", default: "blocking" },
    leg: { type: "string" },
    scenario: { type: "string" },
  },
});

const expectations = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8"));
const legs = expectations.legs.filter(({ name }) => name === (options.leg ?? name));
const problems = expectationErrors(expectations);
const report = new Report(options.transport);
const saved = mkdtempSync(path.join(tmpdir(), "conformance-"));

report.start(legs);
for (const leg of legs) {
  for (const text of listingDifferences(leg, listScenarios(leg))) {
    problems.push(`${leg.name} ${text}`);
  }
  for (const [scenario, listed] of Object.entries(leg.scenarios)) {
    if (scenario !== (options.scenario ?? scenario)) continue;
    const expected = expectation(listed, options.transport);
    const command = [
      options.client,
      `--transport ${options.transport}`,
      ...(expected.arguments ?? []),
    ].join(" ");
    const output = path.join(saved, leg.name, scenario);
    const observed = await runScenario(leg, scenario, command, output);
    report.add({
      leg: leg.name,
      scenario,
      expected,
      observed,
      difference: difference(expected, observed),
    });
  }
}
if (report.isEmpty) problems.push("there is no leg or scenario of that name");

if (report.finish(problems)) {
  rmSync(saved, { recursive: true });
} else {
  console.error(`What the suite has saved: ${saved}`);
  process.exitCode = 1;
}
