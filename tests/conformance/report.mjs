// The table, row by row as the scenarios end, and what follows it.

export class Report {
  #transport;
  #widths = [];
  #rows = [];

  constructor(transport) {
    this.#transport = transport;
  }

  start(legs) {
    this.#widths = [
      Math.max(...legs.map((leg) => leg.name.length)),
      Math.max(...legs.flatMap((leg) => Object.keys(leg.scenarios).map((name) => name.length))),
    ];
    console.log(`transport: ${this.#transport}`);
    this.#line("leg", "scenario", "requests", "expected", "seconds", "result");
  }

  /** `row`: `{ leg, scenario, expected, observed, difference }` */
  add(row) {
    this.#rows.push(row);
    const { leg, scenario, expected, observed } = row;
    const { requests, seconds } = observed;
    this.#line(leg, scenario, requests, expected.requests, seconds.toFixed(1), outcome(row));
  }

  /**
   * Prints the details and the totals, and returns whether all is as expected. `problems` are
   * differences that belong to no scenario.
   */
  finish(problems) {
    const different = this.#rows.filter((row) => row.difference !== null);
    for (const { leg, scenario, observed, difference } of different) {
      console.log(`\n${leg} ${scenario}: ${difference}`);
      for (const line of observed.details) console.log(`    ${line}`);
    }
    if (problems.length > 0) console.log(`\n${problems.join("\n")}`);

    console.log("");
    for (const leg of new Set(this.#rows.map((row) => row.leg))) {
      console.log(`${leg}: ${totals(this.#rows.filter((row) => row.leg === leg))}`);
    }
    console.log(totals(this.#rows, problems.length));
    return different.length + problems.length === 0;
  }

  get isEmpty() {
    return this.#rows.length === 0;
  }

  #line(leg, scenario, requests, expected, seconds, result) {
    const [legWidth, scenarioWidth] = this.#widths;
    const numbers = [requests, expected, seconds].map((value) => String(value ?? "-").padStart(8));
    console.log(
      [leg.padEnd(legWidth), scenario.padEnd(scenarioWidth), ...numbers, result].join("  "),
    );
  }
}

function outcome({ expected, observed, difference }) {
  if (difference !== null) return `DIFFERENT: ${difference}`;
  return observed.result === "fail" ? `fails as expected: ${expected.reason}` : observed.result;
}

function totals(rows, problems = 0) {
  const different = rows.filter(({ difference }) => difference !== null).length;
  const expected = rows.filter(
    ({ observed, difference }) => difference === null && observed.result === "fail",
  ).length;
  const passed = rows.length - different - expected;
  const asExpected = expected > 0 ? `, ${expected} failed as expected` : "";
  return `${passed} passed, ${different + problems} failed${asExpected}`;
}
