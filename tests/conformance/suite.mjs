// One version of the suite as a program: what it lists, and what it says about one scenario.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const HERE = path.dirname(fileURLToPath(import.meta.url));

// A flow on loopback takes less than a second; nobody sits in front of it.
const CLIENT_SECONDS = 25;
// Above the client's limit, so that it only strikes when the suite itself hangs.
const SUITE_SECONDS = 40;

const EXIT_TIMEOUT = 124;
// A client that refuses a server exits with 1. Everything above is a crash: 101 is a Rust panic,
// 126 and 127 a command that cannot be started, 128 + n a signal.
const EXIT_REFUSED = 1;

/**
 * The authorization scenarios that this version knows for the leg: those of its protocol version,
 * or the extensions.
 */
export function listScenarios(leg) {
  // Extensions belong to no version, and are listed only where none is asked for.
  const version = leg.extensions ? [] : specVersion(leg);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program(leg.suite), "list", "--client", ...version],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`${leg.suite} does not list its scenarios: ${stderr}`);
  return [...stdout.matchAll(/^\s*- (auth\/\S+)(?: \[(\S+)\])?/gm)]
    .filter(([, , tag]) => !leg.extensions || tag === "extension")
    .map(([, name]) => name);
}

/**
 * Runs one scenario in single-scenario mode and returns
 * `{ result, requests, seconds, details }`; see `verdict` for the results.
 */
export async function runScenario(leg, scenario, command, output, limits = {}) {
  const { clientSeconds = CLIENT_SECONDS, suiteSeconds = SUITE_SECONDS } = limits;
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });

  const launch = [process.execPath, path.join(HERE, "launch.mjs"), clientSeconds, command];
  const started = Date.now();
  const run = await finish(
    [
      [program(leg.suite), "client"],
      // The suite splits the command at blanks and joins it again for a shell: quotes survive.
      ["--command", launch.map(shellQuote).join(" ")],
      ["--scenario", scenario, ...specVersion(leg)],
      // Without it the suite skips what belongs to no version.
      leg.extensions ? ["--force"] : [],
      ["--output-dir", output],
      // The launcher has to be the first to lose patience, or nobody sees how the client ended.
      ["--timeout", String(suiteSeconds * 1000)],
    ].flat(),
    suiteSeconds,
  );
  const saved = savedFiles(output);
  const checks = saved["checks.json"] ? JSON.parse(saved["checks.json"]) : null;
  return {
    result: verdict(run, checks),
    requests: checks === null ? null : oauthRequests(checks).length,
    seconds: (Date.now() - started) / 1000,
    details: details(run, checks, saved["stderr.txt"] ?? ""),
  };
}

/**
 * - `pass`: exit code 0, something was checked, no FAILURE and no WARNING
 * - `fail`: the suite ran and says no
 * - `skipped`: the suite did not run the scenario (and exits with 0)
 * - `hang`, `crash`: the client did not end by itself, or not in a way that it may
 * - `broken`: no verdict, the suite itself failed
 */
export function verdict(run, checks) {
  if (run.timedOut || run.clientExit === EXIT_TIMEOUT) return "hang";
  if (run.clientExit > EXIT_REFUSED) return "crash";
  if (/^SKIPPED/m.test(run.output)) return "skipped";
  if (checks === null || run.exit === null) return "broken";
  if (run.exit !== 0 || complaints(checks).length > 0) return "fail";
  return checks.some((check) => check.status === "SUCCESS") ? "pass" : "skipped";
}

/**
 * Every request that reached one of the scenario's servers, except those to the MCP endpoint; what
 * remains is metadata, registration, authorization and token. Refused ones (404) count as well.
 */
export function oauthRequests(checks) {
  return checks.map(oauthRequest).filter((request) => request !== null);
}

function oauthRequest({ id, description, details }) {
  if (id === "incoming-request" || id === "incoming-auth-request") {
    return details.path === "/mcp" ? null : `${details.method} ${details.path}`;
  }
  // The identity provider writes no requests down; each leaves a check, and so does their absence.
  if (id === "complete-flow-token-exchange" && !description.startsWith("Client did not")) {
    return "POST /token (identity provider)";
  }
  return null;
}

function complaints(checks) {
  return checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
}

/** What a person needs to see about a scenario that went wrong, line by line. */
function details(run, checks, clientOutput) {
  if (checks === null) return run.output.trim().split("\n").slice(-20);
  return [
    ...complaints(checks).map(
      ({ status, id, errorMessage, description }) =>
        `${status} ${id}: ${errorMessage ?? description}`,
    ),
    `client exit code ${run.clientExit}`,
    ...oauthRequests(checks),
    ...clientOutput.trim().split("\n").slice(-10),
  ].filter((line) => line !== "");
}

function finish(args, suiteSeconds) {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that all of it can be stopped.
    const child = spawn(process.execPath, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      // Not SIGKILL, because the launcher has yet to end the client.
      process.kill(-child.pid, "SIGTERM");
    }, suiteSeconds * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    }
    child.on("error", reject);
    child.on("close", (exit) => {
      clearTimeout(timer);
      const clientExit = Number(/^Client exited with code (-?\d+)/m.exec(output)?.[1] ?? 0);
      resolve({ exit, timedOut, output, clientExit });
    });
  });
}

/** What the suite has written below `output`, by file name; empty if it did not come that far. */
function savedFiles(output) {
  const files = readdirSync(output, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    files
      .filter((file) => file.isFile())
      .map((file) => [file.name, readFileSync(path.join(file.parentPath, file.name), "utf8")]),
  );
}

function program(suite) {
  return path.join(HERE, "node_modules", suite, "dist/index.js");
}

function specVersion(leg) {
  return leg.specVersion === undefined ? [] : ["--spec-version", leg.specVersion];
}

function shellQuote(word) {
  return `'${String(word).replaceAll("'", `'\\''`)}'`;
}
