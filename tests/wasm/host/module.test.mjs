// The module as it is: what it imports and exports, and what it does with calls in any order.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { inspect } from "node:util";

import { load } from "./module.mjs";

const file = process.env.MODULE;
const compiled = new WebAssembly.Module(readFileSync(file));

/** The functions of `interface/src/function.rs`. */
const functions = WebAssembly.Module.exports(compiled)
  .filter(({ name, kind }) => kind === "function" && name !== "input" && name !== "output")
  .map(({ name }) => name);

test("the module imports nothing", () => {
  assert.deepEqual(WebAssembly.Module.imports(compiled), []);
});

test("the module exports its functions, its memory, and no more", () => {
  const source = readFileSync(new URL("../../interface/src/function.rs", import.meta.url), "utf8");
  const named = [...source.matchAll(/^ {4}(\w+) => \w+,$/gm)].map(([, name]) => name);
  // Apart from two numbers that the linker leaves.
  const exports = WebAssembly.Module.exports(compiled).filter(({ kind }) => kind !== "global");
  const exported = exports.map(({ name }) => name);
  assert.ok(named.length > 20);
  assert.deepEqual(exported.toSorted(), [...named, "input", "memory", "output"].toSorted());
});

test("calls in any order are answered", async () => {
  const call = await load(file);
  const random = numbers(7);
  const [turns, codes] = [new Map(), new Map()];
  const sessions = [];
  for (let n = 0; n < 80_000; n += 1) {
    // Some numbers are nobody's.
    const session = random(20) === 0 ? random(2 ** 32) : (pick(random, sessions) ?? 0);
    let [name, input, bytes] = [pick(random, functions), plausible(random)];
    if (sessions.length < 4) name = "open";
    if (sessions.length > 8) name = "close";
    try {
      if (name !== "open" && name !== "close" && random(8) > 0) {
        [name, bytes] = fitting(random, call("turn", session), turns);
      }
      if (random(20) === 0) input = junk(random);
      const opened = call(name, session, input, bytes).session;
      if (opened !== undefined) sessions.push(opened);
      if (name === "close") sessions.splice(sessions.indexOf(session), 1);
    } catch (error) {
      // Anything else is a trap, or an answer that is no JSON.
      assert.equal(typeof error.code, "string", `${name}: ${error.stack}`);
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
  }
  // Else the calls were refused at the door, and nothing behind it was reached.
  const reached = [
    ...["load", "lock", "reserve", "save", "unlock", "http", "login", "prepare", "browser", "ready"],
    ...["sign", "assertion"],
  ];
  assert.deepEqual(reached.filter((turn) => !(turns.get(turn) > 20)), [], inspect(turns));
  const met = ["no_such", "out_of_turn", "input", "state_mismatch", "malformed", "foreign_request"];
  assert.deepEqual(met.filter((code) => !codes.has(code)), [], inspect(codes));
});

test("what is no input, too long, or passed without asking for room is an error", async () => {
  const { instance } = await WebAssembly.instantiate(compiled, {}).then((instance) => ({ instance }));
  const { memory, input, output, open, turn } = instance.exports;
  const answer = (length) => {
    const bytes = new Uint8Array(memory.buffer, output() >>> 0, length >>> 0);
    return JSON.parse(new TextDecoder().decode(bytes));
  };
  assert.equal(answer(turn(0)).error.code, "no_such");
  assert.equal(answer(open(0)).error.code, "input");
  for (const length of [-1, 2 ** 31, 2 ** 21 + 1]) assert.equal(input(length), 0, `${length}`);
  assert.equal(answer(open(0)).error.code, "input");
  const bytes = [0xff, 0x00, 0x7b, 0x0a, 0x0a, 0x22];
  new Uint8Array(memory.buffer, input(bytes.length), bytes.length).set(bytes);
  assert.equal(answer(open(0)).error.code, "input");
  // The input was used up.
  assert.match(answer(open(0)).error.message, /lacks server_url/);
});

/** What a host might call at this turn, and the bytes that go with it. */
function fitting(random, { turn, endpoint, state, record }, turns) {
  turns.set(turn, (turns.get(turn) ?? 0) + 1);
  lastState = state ?? lastState;
  // One with tokens can be refreshed.
  if (record?.includes("refresh_token")) lastRecord = record;
  const replies = {
    load: ["loaded", "loaded", "loaded", "failed"],
    lock: ["locked", "locked", "locked", "failed"],
    reserve: ["reserved", "reserved", "lost", "failed"],
    save: ["saved", "saved", "conflict", "failed"],
    unlock: ["unlocked"],
    http: ["response", "response", "response", "response", "unreachable"],
    login: ["begin", "challenge"],
    sign: ["unsigned", "signed", "signed", "signed", "unavailable"],
    assertion: ["given", "given", "given", "unavailable"],
    prepare: ["prepared"],
    browser: ["redirected", "redirected", "redirected", "cancelled", "suspend"],
    ready: ["attach", "answered", "renew", "access", "logout", "record", "timeline", "fresh", "status"],
    logged_out: ["access"],
  };
  const random64 = new Uint8Array(64).map(() => random(256));
  const document = new TextEncoder().encode(JSON.stringify(DOCUMENTS[endpoint] ?? {}));
  const name = pick(random, replies[turn]);
  let bytes = turn === "http" ? document : random64;
  if (name === "unsigned") bytes = random64.subarray(48);
  return [name, random(9) === 0 ? bytes.subarray(random(64)) : bytes];
}

function plausible(random) {
  return {
    settings: pick(random, SETTINGS),
    profile: "",
    pending: null,
    now: pick(random, [1_900_000_000, 1_900_000_000, 1_900_000_000, 1_900_009_999, 1_900_009_999, 0, 2 ** 53]),
    expires_at: 1_900_000_600,
    record: pick(random, [null, null, lastRecord, lastRecord, lastRecord, "{}", '{"format":2}']),
    stored: random(3),
    status: pick(random, [200, 200, 201, 200, 201, 200, 302, 401, 401, 403, 404, 500, 65_535]),
    headers: pick(random, [[], [["location", "/elsewhere"]], [["", "\u0000"]]]),
    challenges: pick(random, [
      [],
      ["Bearer"],
      ['Bearer error="insufficient_scope", scope="a b"'],
      ['Bearer resource_metadata="https://mcp.example.com/m"', 'DPoP ,,"'],
    ]),
    unsigned: pick(random, [{ algorithm: "ES256", input: "e30.e30" }, { algorithm: "x" }]),
    assertion: "assertion",
    kind: pick(random, [undefined, "refresh_token", "x"]),
    reason: "it is down",
    redirect_uri: pick(random, ["http://127.0.0.1:1/callback", "http://127.0.0.1:1/callback", "x"]),
    query: pick(random, [`code=1&state=${lastState}`, "", "code=1&state=2", "%"]),
    method: "POST",
    url: pick(random, ["https://mcp.example.com/mcp", "https://evil.example", "x"]),
    attempt: pick(random, [undefined, 1, random(300)]),
  };
}

function junk(random) {
  const member = pick(random, Object.keys(plausible(random)));
  return pick(random, [
    {},
    [],
    null,
    "text",
    -1,
    { [member]: pick(random, [-1, 1e400, {}, [], "\ud800", "x".repeat(random(9999))]) },
  ]);
}

function pick(random, choices) {
  return choices[random(choices.length)];
}

/** Numbers below a bound, the same in each run. */
function numbers(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

let lastState = "";
let lastRecord = null;

const SETTINGS = [
  { server_url: "https://mcp.example.com/mcp" },
  { server_url: "https://mcp.example.com/mcp" },
  { server_url: "https://mcp.example.com/mcp", client_id: "client", client_secret: "secret" },
  { server_url: "https://mcp.example.com/mcp", bearer: "token" },
  {
    server_url: "https://mcp.example.com/mcp",
    grant: "workload_identity",
    client_issuer: "https://as.example.com",
  },
  {
    server_url: "https://mcp.example.com/mcp",
    grant: "client_credentials",
    client_id: "client",
    signing_key: { algorithms: ["ES256"] },
  },
];

/** What honest servers answer. */
const DOCUMENTS = {
  ResourceMetadata: {
    resource: "https://mcp.example.com/mcp",
    authorization_servers: ["https://as.example.com"],
  },
  ServerMetadata: {
    issuer: "https://as.example.com",
    authorization_endpoint: "https://as.example.com/authorize",
    token_endpoint: "https://as.example.com/token",
    registration_endpoint: "https://as.example.com/register",
    revocation_endpoint: "https://as.example.com/revoke",
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"],
  },
  Registration: { client_id: "c", redirect_uris: ["http://127.0.0.1:1/callback"] },
  Token: { access_token: "a", token_type: "Bearer", refresh_token: "r", expires_in: 3600 },
};
