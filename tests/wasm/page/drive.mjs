// Logs in with the package in a real browser: node drive.mjs WORLD PACKAGE SCREENSHOTS.

import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { launch } from "../../browser/chromium.mjs";
import { said, startWorld, within } from "../../browser/programs.mjs";
import { startPage } from "./serve.mjs";
import { agree, Profile } from "./tab.mjs";

const [worldCommand, packaged, screenshots] = process.argv.slice(2);
let steps = 0;

/** One thing that has to be so. It is said before, so that a failure has a name. */
async function step(what, does) {
  process.stdout.write(`  ${what} … `);
  const told = await does();
  steps += 1;
  console.log(told === undefined ? "ok" : `ok: ${told}`);
}

const seen = (name) => join(screenshots, `${name}.png`);

/** The module in a page, before anybody logs in. */
async function module({ ann }) {
  await step("without 'wasm-unsafe-eval' the browser refuses the module, and the error names it", async () => {
    const tab = await ann.open("/strict/");
    await tab.says(/Error content_security_policy: .*'wasm-unsafe-eval'/);
  });
  await step("a module with another type is loaded all the same", async () => {
    const tab = await ann.open();
    await tab.says(/^Ready$/);
    const answer = await tab.page.evaluate(async () => {
      const { load, OAuth } = await import("/package/index.mjs");
      const module = await load("/untyped/package/oauth.wasm");
      return new OAuth(module, { server_url: "https://mcp.example.com/mcp" }).status;
    });
    assert.deepEqual(answer, { status: "not_needed" });
  });
  ann.complaints.splice(0).forEach((text) => assert.match(text, /unsafe-eval/));
}

async function redirects({ ann, eve, world }) {
  const tab = await ann.open();
  let address;
  await step("nobody is logged in, and nobody is asked by a call", async () => {
    await tab.says(/^Ready$/);
    await tab.press("Call");
    await tab.says(/Error login_required: .*begin\(\)/);
    await tab.looks(seen("1-nobody"));
    assert.equal(ann.visits, 0);
  });
  await step("a login that leaves the page, and comes back to another", async () => {
    await world.ask("consent page");
    await tab.press("Log in");
    await tab.page.getByText("Do you agree?").waitFor();
    await tab.looks(seen("2-consent"));
    tab.page.on("request", (request) => {
      if (request.isNavigationRequest() && request.url().includes("/callback.html?")) address = request.url();
    });
    await agree(tab.page, world);
    await tab.says(/^Session: logged_in$/);
    await tab.looks(seen("3-back"));
    assert.match(address, /code=/);
    assert.ok(!tab.page.url().includes("?"), "nothing of it is left in the address");
    assert.equal(await world.ask("alive"), "1 0");
  });
  await step("the address is good once, and only in the browser where the login began", async () => {
    for (const browser of [ann, eve]) {
      const again = await browser.open(address);
      await again.says(/Error login_unknown/);
      await again.page.close();
    }
    assert.equal(await world.ask("alive"), "1 0", "a code that is used twice ends the grant");
  });
  await step("a page that is loaded again is logged in, and asks nobody", async () => {
    const { visits } = ann;
    await tab.page.goto("/");
    for (let n = 0; n < 2; n += 1) {
      await tab.page.reload();
      await tab.says(/^Ready$/);
      await tab.press("Call");
      await tab.says(/^Answered 200: .*tools/);
    }
    await tab.looks(seen("4-reloaded"));
    assert.equal(ann.visits, visits);
  });
  await step("a logout revokes both tokens, and other tabs notice", async () => {
    const other = await ann.open();
    await other.says(/^Ready$/);
    await other.press("Call");
    await other.says(/^Answered 200/);
    await tab.press("Log out");
    await tab.says(/^Logged out: refresh token revoked, access token revoked$/);
    await tab.looks(seen("5-logged-out"));
    assert.equal(await world.ask("alive"), "0 0");
    await other.press("Call");
    await other.says(/Error login_required/);
    await other.page.close();
  });
  return tab;
}

async function windows({ tab, world, ann }) {
  await step("a window that is closed is a login that was given up", async () => {
    await world.ask("consent page");
    const popup = await tab.opens("Log in in a window");
    await popup.getByText("Do you agree?").waitFor();
    assert.equal(await popup.evaluate(() => window.opener), null, "it cannot lead this page elsewhere");
    await popup.screenshot({ path: seen("6-window") });
    await popup.close();
    await tab.says(/Error cancelled/);
  });
  await step("a window that comes back is closed, and the page is logged in", async () => {
    const popup = await tab.opens("Log in in a window");
    const closed = popup.waitForEvent("close");
    await agree(popup, world);
    await closed;
    await tab.says(/^Session: logged_in/);
    await tab.looks(seen("7-logged-in"));
  });
  await step("two tabs that log in at once wait for one user", async () => {
    const other = await ann.open();
    for (const it of [other, tab]) {
      await it.press("Log out");
      await it.says(/^Logged out/);
    }
    await world.ask("consent page");
    const { visits } = ann;
    const popup = await tab.opens("Log in in a window");
    await popup.getByText("Do you agree?").waitFor();
    const closed = (await other.opens("Log in in a window")).waitForEvent("close");
    await agree(popup, world);
    for (const it of [tab, other]) await it.says(/^Session: logged_in/);
    assert.equal(ann.visits - visits, 2, "the page, and the way back");
    await closed;
    assert.equal(await world.ask("alive"), "1 0");
    await other.page.close();
  });
  await step("a window that is opened too late is blocked, and that is said", async () => {
    await tab.press("Log in in a window, too late");
    // A look at the page would count as a click, so there is none until long after.
    await sleep(9000);
    await tab.says(/Error popup_blocked: .*\(open it in the click/);
    await tab.looks(seen("8-blocked"));
  });
  assert.deepEqual(ann.complaints, []);
}

/** An authorization server whose pages are tied to no other window. */
async function untied({ ann, world }) {
  const tab = await ann.open();
  await tab.says(/^Ready$/);
  // Whoever logs in again keeps the grant of before.
  await tab.press("Log out");
  await tab.says(/^Logged out/);
  const cut = async (route) => {
    const response = await route.fetch({ maxRedirects: 0 });
    await route.fulfill({ response, headers: { ...response.headers(), "cross-origin-opener-policy": "same-origin" } });
  };
  const login = (options) =>
    tab.page.evaluate(async (options) => {
      const oauth = await (await import("/client.mjs")).client();
      return oauth.login(options).then(() => oauth.status.status, (error) => error.code);
    }, options);
  await step("a server that cuts the tie to who opened its window: it seems closed, unless nobody watches it", async () => {
    await world.ask("consent page");
    await ann.context.route(/\/authorize\?/, cut);
    assert.equal(await login({}), "cancelled");
    await world.ask("consent grant");
    assert.equal(await login({ watch: false }), "logged_in");
    await ann.context.unroute(/\/authorize\?/);
    assert.deepEqual(ann.complaints, []);
    for (const page of ann.context.pages()) if (page.url().includes("/authorize")) await page.close();
    await tab.page.close();
  });
}

/** The store, without a login. */
async function store({ eve }) {
  await step("of four saves at once over the same record, one wins, each time", async () => {
    const tab = await eve.open();
    const won = await tab.page.evaluate(async () => {
      const { IndexedDbStore } = await import("/package/index.mjs");
      // Each has a connection of its own, as each tab has.
      const stores = [1, 2, 3, 4].map(() => new IndexedDbStore("https://race.example"));
      const won = [];
      for (let generation = 1; generation <= 50; generation += 1) {
        const save = (store, by) => store.save(`{"by":${by}}`, generation, generation - 1);
        const stored = await Promise.all(stores.map(save));
        won.push(stored.filter((it) => it === undefined).length);
      }
      return won;
    });
    assert.deepEqual(won, Array(50).fill(1));
    await tab.page.close();
  });
}

/** Four tabs whose tokens are over all the time. */
async function tabs({ ann, world, tab }) {
  // A token request takes long enough to meet another.
  for (const line of ["lifetime 5", "delay 300"]) await world.ask(line);
  await tab.press("Log out");
  await tab.says(/^Logged out/);
  await tab.press("Log in in a window");
  await tab.says(/^Session: logged_in/);
  const { visits } = ann;
  const before = Number((await world.ask("refreshes")).split(" ")[0]);
  ann.tokens.most = 0;
  await step("four tabs with tokens of five seconds: no call fails, and one refresh at a time", async () => {
    const all = [tab];
    while (all.length < 4) all.push(await ann.open());
    for (const it of all.slice(1)) await it.says(/^Ready$/);
    await Promise.all(all.map((it) => it.press("Call for twelve seconds")));
    const told = await Promise.all(all.map((it) => it.says(/ answered, /, 30_000)));
    await tab.looks(seen("9-four-tabs"));
    const refreshes = Number((await world.ask("refreshes")).split(" ")[0]) - before;
    const summary = `${told.join("; ")}; ${refreshes} refreshes, ${ann.tokens.most} at once`;
    for (const text of told) assert.match(text, /^[1-9]\d+ answered, 0 failed$/, summary);
    assert.equal(ann.tokens.most, 1, summary);
    // Each token is good for all tabs: at most one for every two seconds, and at least two in twelve.
    assert.ok(refreshes >= 2 && refreshes <= 7, summary);
    assert.equal(ann.visits, visits, "nobody was asked");
    assert.equal(await world.ask("alive"), "1 0");
    for (const it of all.slice(1)) await it.page.close();
    return summary;
  });
  for (const line of ["lifetime 3600", "delay 0"]) await world.ask(line);
  await step("and all of it ends with a logout", async () => {
    await tab.press("Log out");
    await tab.says(/^Logged out: refresh token revoked/);
    assert.equal(await world.ask("alive"), "0 0");
  });
}

async function keys({ eve, world }) {
  await step("tokens are bound to a key that no script can read, and that a reload finds again", async () => {
    await world.ask("bound");
    const tab = await eve.open();
    await tab.says(/^Ready$/);
    await tab.press("Log in in a window");
    await tab.says(/^Session: logged_in/);
    await tab.page.reload();
    await tab.says(/^Ready$/);
    await tab.press("Call");
    await tab.says(/^Answered 200: .*tools/);
    const exported = await tab.page.evaluate(async () => {
      const { IndexedDbStore } = await import("/package/index.mjs");
      const { first } = await (await fetch("/servers.json")).json();
      const { privateKey, jwk } = await new IndexedDbStore(first).dpopKey();
      const attempt = crypto.subtle.exportKey("jwk", privateKey).then(() => "exported", (error) => error.name);
      return [await attempt, jwk.d ?? null];
    });
    assert.deepEqual(exported, ["InvalidAccessError", null]);
    await tab.press("Log out");
    await tab.says(/^Logged out: refresh token revoked/);
  });
  assert.deepEqual(eve.complaints, []);
}

/** What a page cannot see is said to be so. */
async function troubles({ eve, servers, origin }) {
  await step("a server that permits no pages: the error says that it may be CORS, and whose", async () => {
    const tab = await eve.open("/?server=second");
    await tab.says(/^Ready$/);
    await tab.press("Call");
    const host = new URL(servers.mail).origin;
    const told = await tab.says(/Error unreachable/);
    assert.ok(told.includes(`no answer from ${host}/mcp: CORS?`), told);
    assert.ok(told.includes(`permit pages of ${origin}`), told);
    await tab.press("Log in");
    assert.match(await tab.says(/Error unreachable: .*CORS\?.*Access-Control-Allow-Origin/), /oauth-protected/);
    await tab.looks(seen("10-cors"));
    await tab.page.close();
  });
  await step("a redirect that a page may not see is a redirect, and not an absence", async () => {
    const tab = await eve.open("/?server=first");
    await tab.says(/^Ready$/);
    const headers = { location: "/elsewhere", "access-control-allow-origin": origin };
    await eve.context.route("**/token", (route) => route.fulfill({ status: 307, headers }));
    await tab.press("Log in in a window");
    const told = await tab.says(/Error \w+: /);
    await eve.context.unroute("**/token");
    assert.match(told, /redirect/);
    return told;
  });
  eve.complaints.splice(0).forEach((text) => assert.match(text, /CORS policy/));
}

async function main() {
  const ends = [];
  try {
    const servers = await startWorld(worldCommand);
    const { world } = servers;
    ends.push(() => world.end());
    ends.world = world;
    const page = await startPage(import.meta.dirname, packaged);
    ends.push(() => (page.end(), 0));
    Object.assign(page.given, { first: servers.notes, second: servers.mail });
    await world.ask(`pages ${page.origin}`);
    // As people have it: windows that nobody has asked for are blocked.
    const browser = await launch({ ignoreDefaultArgs: ["--disable-popup-blocking"] });
    ends.push(() => within(10_000, browser.close(), "the end of the browser").then(() => 0));
    const [ann, eve] = [await Profile.at(browser, page.origin), await Profile.at(browser, page.origin)];
    await module({ ann });
    const tab = await redirects({ ann, eve, world });
    eve.complaints.splice(0);
    await windows({ tab, world, ann });
    await untied({ ann, world });
    await tabs({ ann, world, tab });
    await store({ eve });
    await keys({ eve, world });
    await troubles({ eve, servers, origin: page.origin });
    await step("nobody broke a rule", async () => assert.equal(await world.ask("judge"), "sound"));
  } catch (error) {
    const judged = await ends.world?.ask("judge").catch(() => "");
    console.error(`\n${judged}\n${said.join("")}`);
    throw error;
  } finally {
    for (const end of ends.reverse()) assert.equal(await end(), 0, "a program ended with an error");
  }
  console.log(`${steps} steps`);
}

await within(170_000, main(), "the end of the story");
