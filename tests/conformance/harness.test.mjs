// The harness has to notice every way to fail; a green table of one that does not proves nothing.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { difference, expectation, expectationErrors, listingDifferences } from "./judge.mjs";
import { listScenarios, oauthRequests, runScenario, verdict } from "./suite.mjs";

const { legs } = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8"));
const OLD = legs.find((leg) => leg.suite === "conformance-0.1.16");
const NEW = legs.find((leg) => leg.specVersion === "2025-11-25");
const EXTENSIONS = legs.filter((leg) => leg.extensions);
// Wants nothing but the absence of a request in 0.1.16, and allows the client to end with an
// error: whatever fails here, only the harness has seen it.
const EASY = "auth/resource-mismatch";

const PROGRAM = fileURLToPath(new URL("reference.mjs", import.meta.url));
const REFERENCE = `"${process.execPath}" "${PROGRAM}"`;

const output = mkdtempSync(path.join(tmpdir(), "conformance-self-test-"));
after(() => rmSync(output, { recursive: true }));

async function result(leg, scenario, client, limits) {
  return (await runScenario(leg, scenario, client, output, limits)).result;
}

test("a client that refuses passes where it may", async () => {
  assert.equal(await result(OLD, EASY, "sh -c 'exit 1' client"), "pass");
});

test("a client that does nothing fails", async () => {
  assert.equal(await result(OLD, "auth/metadata-default", "true"), "fail");
  assert.equal(await result(NEW, "auth/metadata-default", "true"), "fail");
});

test("a client that panics crashes", async () => {
  assert.equal(await result(OLD, EASY, "sh -c 'exit 101' client"), "crash");
});

test("a client that a signal kills crashes", async () => {
  assert.equal(await result(OLD, EASY, "sh -c 'kill -SEGV $$' client"), "crash");
});

test("a client that does not exist crashes", async () => {
  assert.equal(await result(OLD, EASY, "./no-such-client"), "crash");
});

test("a client that hangs is stopped", async () => {
  assert.equal(await result(OLD, EASY, "sleep 60;", { clientSeconds: 1 }), "hang");
});

test("a process that the client leaves behind does not hold up the suite", async () => {
  const client = "sh -c 'sleep 60 & exit 1' client";
  assert.equal(await result(OLD, EASY, client, { clientSeconds: 1, suiteSeconds: 5 }), "pass");
});

test("a suite that hangs is stopped", async () => {
  assert.equal(await result(OLD, EASY, "sleep 60;", { suiteSeconds: 2 }), "hang");
});

test("a scenario that the suite skips is no success", async () => {
  assert.equal(await result(NEW, EASY, "true"), "skipped");
});

test("a scenario that the suite does not know is no success", async () => {
  assert.equal(await result(NEW, "auth/no-such-scenario", "true"), "broken");
});

// Also that expected.json knows how many requests each of them takes.
for (const leg of [OLD, ...EXTENSIONS]) {
  test(`what ${leg.name} expects of an extension can be had`, async () => {
    const names = listScenarios({ ...leg, extensions: true });
    assert.equal(names.length, leg === OLD ? 3 : 6, names.join(" "));
    for (const name of names) {
      const scenario = leg.scenarios[name];
      const { requests } = scenario.passes ?? scenario;
      const observed = await runScenario(leg, name, REFERENCE, output);
      assert.equal(difference({ requests }, observed), null, `${name}\n${observed.details}`);
      assert.ok(requests > 0, name);
    }
  });
}

test("a client without one thing of an extension fails", async () => {
  const [, leg] = EXTENSIONS;
  for (const [name, what] of [
    ["auth/enterprise-managed-authorization", "resource"],
    ["auth/wif-jwt-bearer", "fresh"],
    ["auth/dpop", "proof"],
    ["auth/dpop", "fresh"],
    ["auth/dpop-nonce", "nonce"],
  ]) {
    const client = `${REFERENCE} --without ${what}`;
    assert.equal(await result(leg, name, client), "fail", `${name} ${what}`);
  }
});

test("a client that does nothing fails in an extension", async () => {
  for (const name of Object.keys(EXTENSIONS[0].scenarios)) {
    assert.equal(await result(EXTENSIONS[0], name, "true"), "fail", name);
  }
});

test("an extension that is not forced is no success", async () => {
  const leg = { ...EXTENSIONS[0], extensions: false };
  assert.equal(await result(leg, "auth/dpop", REFERENCE), "skipped");
});

test("only a clean run with something checked passes", () => {
  const run = { exit: 0, timedOut: false, clientExit: 0, output: "" };
  const success = { status: "SUCCESS" };
  const cases = [
    ["pass", run, [success]],
    ["pass", { ...run, clientExit: 1 }, [success]],
    ["fail", { ...run, exit: 1 }, [success]],
    ["fail", run, [success, { status: "FAILURE" }]],
    ["fail", run, [success, { status: "WARNING" }]],
    ["skipped", run, [{ status: "INFO" }]],
    ["skipped", { ...run, output: "SKIPPED: not applicable" }, null],
    ["broken", run, null],
    ["broken", { ...run, exit: null }, [success]],
    ["crash", { ...run, clientExit: 101 }, [success]],
    ["hang", { ...run, clientExit: 124 }, [success]],
    ["hang", { ...run, timedOut: true }, [success]],
  ];
  for (const [expected, ...seen] of cases) {
    assert.equal(verdict(...seen), expected, JSON.stringify(seen));
  }
});

test("requests to the MCP endpoint do not count, all others do", () => {
  const request = (id, method, path) => ({ id, status: "INFO", details: { method, path } });
  assert.deepEqual(
    oauthRequests([
      request("incoming-request", "POST", "/mcp"),
      request("incoming-request", "GET", "/.well-known/oauth-protected-resource/mcp"),
      request("outgoing-response", "GET", "/.well-known/oauth-protected-resource/mcp"),
      request("incoming-auth-request", "POST", "/token"),
      { id: "complete-flow-token-exchange", description: "Successfully exchanged" },
      { id: "complete-flow-token-exchange", description: "Client did not perform it" },
    ]),
    [
      "GET /.well-known/oauth-protected-resource/mcp",
      "POST /token",
      "POST /token (identity provider)",
    ],
  );
});

test("every difference is one", () => {
  assert.equal(difference({}, { result: "pass", requests: 5 }), null);
  assert.equal(difference({ requests: 5 }, { result: "pass", requests: 5 }), null);
  assert.equal(difference({ result: "fail" }, { result: "fail", requests: 5 }), null);
  for (const [expected, observed] of [
    [{ requests: 5 }, { result: "pass", requests: 6 }],
    [{ requests: 5 }, { result: "pass", requests: 4 }],
    [{}, { result: "fail" }],
    [{}, { result: "skipped" }],
    [{ result: "fail" }, { result: "pass" }],
    [{ result: "fail" }, { result: "crash" }],
    [{ result: "fail" }, { result: "skipped" }],
  ]) {
    assert.notEqual(difference(expected, observed), null, JSON.stringify({ expected, observed }));
  }
});

test("an expected failure that passes is noticed, and what it took", () => {
  const expected = { result: "fail", reason: "not yet", passes: { requests: 3 } };
  const pass = (requests) => difference(expected, { result: "pass", requests });
  assert.equal(pass(3), "passes although it is listed as an expected failure");
  assert.match(pass(4), /, 4 requests instead of 3$/);
  assert.equal(difference(expected, { result: "fail", requests: 9 }), null);
});

test("a failure may be expected over one transport and not over another", () => {
  const passes = { requests: 3 };
  const listed = { result: "fail", reason: "not yet", transports: ["wasm"], passes };
  assert.equal(expectation(listed, "wasm"), listed);
  assert.deepEqual(expectation(listed, "tokio"), passes);
  const everywhere = { result: "fail", reason: "not yet" };
  assert.equal(expectation(everywhere, "tokio"), everywhere);
});

test("the suite's list and ours have to agree", () => {
  for (const leg of [NEW, ...EXTENSIONS]) {
    const listed = listScenarios(leg);
    assert.deepEqual(listingDifferences(leg, listed), []);
    assert.equal(listingDifferences(leg, [...listed, "auth/new"]).length, 1);
    assert.equal(listingDifferences(leg, listed.slice(1)).length, 1);
  }
});

test("an expected failure needs a reason", () => {
  const scenarios = { a: { result: "fail" }, c: { passes: { requests: 3 } } };
  const leg = { name: "a leg", scenarios, leftOut: { b: "" } };
  assert.equal(expectationErrors({ legs: [leg] }).length, 3);
  assert.deepEqual(expectationErrors({ legs }), []);
});
