// A tab with the page, and what its browser has asked of the servers.

import assert from "node:assert/strict";

const PATIENCE = 10_000;

/** A browser of its own: cookies, databases and locks. */
export class Profile {
  /** How many token requests are under way, and how many were so at once. */
  tokens = { now: 0, most: 0, all: 0 };
  /** How often a user was sent to an authorization page. */
  visits = 0;
  complaints = [];

  static async at(browser, origin) {
    const profile = new Profile();
    profile.context = await browser.newContext({ baseURL: origin, viewport: { width: 760, height: 420 } });
    profile.context.setDefaultTimeout(PATIENCE);
    profile.context.on("request", (request) => profile.#asks(request));
    const ends = (request) => isToken(request) && (profile.tokens.now -= 1);
    profile.context.on("requestfinished", ends);
    profile.context.on("requestfailed", ends);
    return profile;
  }

  #asks(request) {
    if (request.isNavigationRequest() && new URL(request.url()).pathname.endsWith("/authorize")) this.visits += 1;
    if (!isToken(request)) return;
    this.tokens.all += 1;
    this.tokens.now += 1;
    this.tokens.most = Math.max(this.tokens.most, this.tokens.now);
  }

  async open(path = "/") {
    const tab = new Tab(this, await this.context.newPage());
    tab.page.on("pageerror", (error) => this.complaints.push(String(error)));
    tab.page.on("console", (message) => {
      const text = message.text();
      // A status of 400 or more is no surprise.
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) this.complaints.push(text);
    });
    await tab.page.goto(path);
    return tab;
  }
}

const isToken = (request) => request.method() === "POST" && new URL(request.url()).pathname.endsWith("/token");

export class Tab {
  constructor(profile, page) {
    this.profile = profile;
    this.page = page;
  }

  /** Waits until it says something like this, and not for ever. */
  async says(text, timeout = PATIENCE) {
    const said = this.page.locator("#said");
    const isSaid = (it, pattern) => new RegExp(pattern, "s").test(it);
    const end = Date.now() + timeout;
    for (;;) {
      const now = await said.textContent({ timeout: 1000 }).catch(() => "");
      if (isSaid(now, text.source)) return now;
      assert.ok(Date.now() < end, `${text} in ${JSON.stringify(now)} at ${this.page.url()}`);
      await this.page.waitForTimeout(50);
    }
  }

  press(name) {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Presses what opens a window; the page in there. */
  async opens(name) {
    const [popup] = await Promise.all([this.page.waitForEvent("popup"), this.press(name)]);
    popup.setDefaultTimeout(PATIENCE);
    return popup;
  }

  looks(path) {
    return this.page.screenshot({ path });
  }
}

/** The authorization server's page, at which a user agrees once the world lets them. */
export async function agree(page, world) {
  await page.getByText("Do you agree?").waitFor();
  await world.ask("consent grant");
  await page.evaluate(() => location.assign(location.href)).catch(() => {});
}
