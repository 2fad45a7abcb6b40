// Somebody with a browser of their own, and what every page has to be.

import assert from 'node:assert/strict';

const PATIENCE = 10_000;
let pages = 0;

/** How many pages were found to be sound. */
export const sound = () => pages;

export class Person {
    /** What the browser complains about. */
    complaints = [];

    static async at(browser, url, settings = {}) {
        const context = await browser.newContext({ baseURL: url, viewport: { width: 900, height: 900 }, ...settings });
        context.setDefaultTimeout(PATIENCE);
        const person = new Person();
        person.page = await context.newPage();
        person.page.on('pageerror', (error) => person.complaints.push(String(error)));
        person.page.on('console', (message) => {
            // What has a status of 400 or more is told here as well, and is no surprise.
            if (!message.text().startsWith('Failed to load resource')) person.complaints.push(message.text());
        });
        return person;
    }

    /** Opens an address; the status of the page that it leads to. */
    async opens(url) {
        const answer = await this.page.goto(url);
        return answer.status();
    }

    async signsIn(name) {
        await this.page.getByLabel('Your name').fill(name);
        await this.presses('Sign in');
        await this.shows('Servers', `Signed in as ${name}`);
    }

    /** Presses a button, which leads to another page. */
    async presses(name, { leads = true } = {}) {
        const button = this.page.getByRole('button', { name, exact: true });
        const left = leads ? this.page.waitForEvent('framenavigated') : null;
        await button.click();
        await left;
    }

    /** The page has this heading and this text, and is made as all pages are to be. */
    async shows(heading, text) {
        await this.page.getByRole('heading', { name: heading, exact: true }).waitFor();
        const body = await this.page.locator('body').innerText();
        assert.ok(body.replaceAll(/\s+/g, ' ').includes(text), `${JSON.stringify(text)} in ${body}`);
        await this.finds();
    }

    /** What everybody needs who does not see the page, or has no mouse. */
    async finds() {
        const page = await this.page.evaluate(() => ({
            lang: document.documentElement.lang,
            title: document.title,
            levels: [...document.querySelectorAll('h1, h2, h3')].map((it) => Number(it.tagName[1])),
            inputs: [...document.querySelectorAll('input')].map((it) => it.labels.length),
            buttons: [...document.querySelectorAll('button')].map((it) => it.innerText),
            order: [...document.querySelectorAll('[tabindex]')].map((it) => it.tabIndex),
            scripts: document.scripts.length,
            background: getComputedStyle(document.documentElement).backgroundColor,
        }));
        assert.equal(page.lang, 'en');
        assert.ok(page.title.endsWith('Gateway example'), page.title);
        assert.deepEqual(page.levels.filter((level) => level === 1), [1], 'one heading over all');
        page.levels.reduce((above, level) => {
            assert.ok(level <= above + 1, `a heading of level ${level} under one of level ${above}`);
            return level;
        }, 0);
        assert.ok(page.inputs.every((labels) => labels === 1), 'each field has a label');
        assert.ok(page.buttons.every((name) => name.length > 0), 'each button has a name');
        assert.equal(new Set(page.buttons).size, page.buttons.length, `names of buttons are their own: ${page.buttons}`);
        assert.ok(page.order.every((index) => index <= 0), 'the order of the focus is that of the page');
        assert.equal(page.scripts, 0);
        assert.equal(page.background, 'rgb(244, 245, 247)', 'the style sheet is there');
        pages += 1;
    }

    /** What the list says of a server. While it says that a login is under way, it is looked at again, not for ever. */
    async facts(server) {
        for (let looks = 0; ; looks += 1) {
            const facts = await this.factsNow(server);
            if (facts.State !== 'Being connected' || looks === 20) return facts;
            await this.page.waitForTimeout(250);
            await this.page.reload();
        }
    }

    factsNow(server) {
        const item = this.page.getByRole('listitem').filter({
            has: this.page.getByRole('heading', { name: server, exact: true }),
        });
        return item.evaluate((it) => Object.fromEntries(
            [...it.querySelectorAll('dt')].map((name) => [name.innerText, name.nextElementSibling.innerText])
                .filter(([name]) => name !== 'Given by'),
        ));
    }

    /** What has the focus, by its id or class. */
    focused() {
        return this.page.evaluate(() => document.activeElement.id || document.activeElement.className);
    }

    /** Follows a link of the authorization server's page: a way that begins at another site than the gateway's. */
    async agrees() {
        const left = this.page.waitForEvent('framenavigated');
        await this.page.evaluate(() => location.assign(location.href));
        await left;
    }

    /** Agrees without going back: the address to which the authorization server would send the browser. */
    async wayBack() {
        const answer = await fetch(this.page.url(), { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) });
        return answer.headers.get('location');
    }

    /** Another page has the browser send a form; the status of the answer. */
    async isMadeToPost(foreign, action) {
        const body = `<form method="post" action="${action}"><button>Win a prize</button></form>`;
        await this.page.route(foreign, (route) => route.fulfill({ contentType: 'text/html', body }));
        await this.page.goto(foreign);
        const answer = this.page.waitForResponse(action);
        await this.presses('Win a prize');
        await this.page.unroute(foreign);
        return (await answer).status();
    }

    async looks(path) {
        await this.page.screenshot({ path, fullPage: true });
    }

    /** Whether nothing is wider than the window. */
    fits() {
        return this.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    }
}
