// Compares what was seen with expected.json. Any difference counts, also a pleasant one.

/**
 * What a scenario has to do over one transport. A failure with a list of `transports` is expected
 * over these only; over the others the scenario has to pass already.
 */
export function expectation(scenario, transport) {
  const { result, reason, transports, passes, ...rest } = scenario;
  return result === "fail" && transports && !transports.includes(transport)
    ? { ...rest, ...passes }
    : scenario;
}

/**
 * Why an observation is not the expected one, or null. `expected` has `result` (`pass` unless
 * given) and `requests` (compared only if given).
 */
export function difference(expected, observed) {
  const result = expected.result ?? "pass";
  if (observed.result !== result) {
    if (result !== "fail" || observed.result !== "pass") {
      return `${observed.result} instead of ${result}`;
    }
    const count = difference({ ...expected.passes }, observed);
    return ["passes although it is listed as an expected failure", count ?? []].flat().join(", ");
  }
  if (expected.requests !== undefined && observed.requests !== expected.requests) {
    return `${observed.requests} requests instead of ${expected.requests}`;
  }
  return null;
}

/** Scenarios that only one side knows: the suite's own list, or the leg of expected.json. */
export function listingDifferences(leg, listed) {
  const known = [...Object.keys(leg.scenarios), ...Object.keys(leg.leftOut ?? {})];
  return [
    ...listed
      .filter((name) => !known.includes(name))
      .map((name) => `${name}: listed by the suite, missing in expected.json`),
    ...known
      .filter((name) => !listed.includes(name))
      .map((name) => `${name}: in expected.json, not listed by the suite`),
  ];
}

/** Entries of expected.json that say nothing or hide something. */
export function expectationErrors({ legs }) {
  const errors = [];
  for (const leg of legs) {
    for (const [name, scenario] of Object.entries(leg.scenarios)) {
      const { result = "pass", reason, transports, passes } = scenario;
      if (!["pass", "fail"].includes(result)) errors.push(`${leg.name} ${name}: result ${result}`);
      if (result === "fail" && !reason) errors.push(`${leg.name} ${name}: fails without a reason`);
      if (result === "pass" && (reason || transports || passes)) {
        errors.push(`${leg.name} ${name}: passes, and says what a failure has to say`);
      }
      if (transports?.length === 0) errors.push(`${leg.name} ${name}: fails over no transport`);
      if (name in (leg.leftOut ?? {})) errors.push(`${leg.name} ${name}: run and left out`);
    }
    for (const [name, reason] of Object.entries(leg.leftOut ?? {})) {
      if (!reason) errors.push(`${leg.name} ${name}: left out without a reason`);
    }
  }
  return errors;
}
