// Uses the page of the example gateway as people do: node drive.mjs WORLD GATEWAY DIRECTORY SCREENSHOTS.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { launch } from './chromium.mjs';
import { Person, sound } from './person.mjs';
import { said, startGateway, startWorld, within } from './programs.mjs';

const [worldCommand, gatewayCommand, place, screenshots] = process.argv.slice(2);
// What she says at the door is a piece of HTML that would tell on the page.
const ANN = 'Ann <img src=x onerror="document.title=1"> & "co"';

let steps = 0;

/** One thing that has to be so. It is said before, so that a failure has a name. */
async function step(what, does) {
    process.stdout.write(`  ${what} … `);
    await does();
    steps += 1;
    console.log('ok');
}

async function story({ browser, world, url }) {
    const seen = (name) => join(screenshots, `${name}.png`);
    const ann = await Person.at(browser, url);
    const eve = await Person.at(browser, url, { javaScriptEnabled: false });
    const nobody = await Person.at(browser, url);

    await step('ann signs in with the keyboard alone', async () => {
        await ann.opens('/');
        await ann.shows('Sign in', 'whoever says a name is let in');
        await ann.looks(seen('1-sign-in'));
        await ann.page.keyboard.press('Tab');
        assert.equal(await ann.focused(), 'name');
        await ann.page.keyboard.type(ANN);
        await ann.page.keyboard.press('Enter');
        await ann.shows('Servers', `Signed in as ${ANN}`);
        assert.equal(await ann.page.title(), 'Gateway example', 'her name is no HTML');
        assert.equal(await ann.page.locator('img').count(), 0);
    });
    await step('nothing is connected', async () => {
        for (const server of ['notes', 'mail']) assert.deepEqual(await ann.facts(server), { State: 'Not connected' });
        await ann.looks(seen('2-nothing'));
    });
    await step('ann goes to the authorization server, and comes back to the list', async () => {
        await world.ask('consent page');
        await ann.presses('Connect notes');
        await ann.page.getByText('Do you agree?').waitFor();
        await world.ask('consent grant');
        await ann.agrees();
        await ann.shows('Connected', 'Your agents can use this server');
        assert.equal(ann.page.url(), `${url}/said/connected`, 'nothing of the login is left in the address');
        assert.equal(await ann.focused(), 'notice good', 'what has happened is read first');
        const { State, Scopes, Until } = await ann.facts('notes');
        assert.deepEqual([State, Scopes], ['Connected', 'mcp:basic']);
        assert.match(Until, /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, then renewed by itself$/);
        assert.deepEqual(await ann.facts('mail'), { State: 'Not connected' });
        await ann.looks(seen('3-connected'));
    });

    let callback;
    await step('ann agrees to the second one, and her browser is not sent back yet', async () => {
        await world.ask('consent page');
        await ann.presses('Connect mail');
        await ann.page.getByText('Do you agree?').waitFor();
        await world.ask('consent grant');
        callback = await ann.wayBack();
        assert.match(callback, /\/callback\/mail\?.*code=/);
    });
    await step('eve, who has got hold of it, is refused, and so is who is not signed in', async () => {
        await eve.opens('/');
        await eve.signsIn('eve');
        assert.equal(await eve.opens(callback), 404);
        await eve.shows('Not connected', 'was made for somebody else');
        assert.deepEqual(await eve.facts('mail'), { State: 'Not connected' });
        await eve.looks(seen('4-refused'));
        assert.equal(await nobody.opens(callback), 401);
        await nobody.shows('Sign in first', 'Nobody is signed in at this browser');
        assert.equal(await world.ask('alive'), '1 1', 'the code was not spent');
    });
    await step('the login of ann still finishes, once', async () => {
        assert.equal(await ann.opens(callback), 200);
        await ann.shows('Connected', 'Your agents can use this server');
        assert.equal((await ann.facts('mail')).State, 'Connected');
        assert.equal(await ann.opens(callback), 404);
        assert.equal((await ann.facts('mail')).State, 'Connected');
    });
    await step('eve connects without scripts', async () => {
        await eve.opens('/');
        await eve.presses('Connect notes');
        await eve.shows('Connected', 'Your agents can use this server');
        assert.equal(await world.ask('alive'), '2 1');
    });
    await step('no other page presses a button, of another site or another port', async () => {
        const port = Number(new URL(url).port) === 9 ? 10 : 9;
        for (const foreign of ['http://evil.example/', `http://localhost:${port}/`]) {
            assert.equal(await ann.isMadeToPost(foreign, `${url}/disconnect/notes`), 403, foreign);
            await ann.shows('Nothing was done', 'Another page asked for this');
        }
        await ann.opens('/');
        assert.equal((await ann.facts('notes')).State, 'Connected');
    });
    await step('ann disconnects', async () => {
        await ann.presses('Disconnect notes');
        await ann.shows('Disconnected', 'The server has ended the access');
        assert.deepEqual(await ann.facts('notes'), { State: 'Not connected' });
        assert.equal((await ann.facts('mail')).State, 'Connected');
        assert.equal(await world.ask('alive'), '1 1');
        await ann.looks(seen('5-disconnected'));
    });
    await step('ann leaves for good, and reads what stayed alive', async () => {
        const elsewhere = await Person.at(browser, url);
        await elsewhere.opens('/');
        await elsewhere.signsIn(ANN);
        await world.ask('revocation off');
        await ann.presses(`End everything for ${ANN}`, { leads: false });
        await ann.shows('Servers', 'I want that');
        await ann.page.getByLabel('I want that').check();
        await ann.presses(`End everything for ${ANN}`);
        await ann.shows('Not everything has ended', 'mail: erased here; the server may accept it until it expires');
        await ann.looks(seen('6-ended'));
        for (const browser of [ann, elsewhere]) {
            await browser.opens('/');
            await browser.shows('Sign in', 'Your name');
        }
    });
    await step('who comes back under her name finds nothing, and what is eve\'s stayed', async () => {
        await ann.signsIn(ANN);
        for (const server of ['notes', 'mail']) assert.deepEqual(await ann.facts(server), { State: 'Not connected' });
        await eve.opens('/');
        assert.equal((await eve.facts('notes')).State, 'Connected');
        assert.equal(await world.ask('alive'), '1 1');
    });
    await step('ann leaves, and all has ended', async () => {
        await ann.page.getByLabel('I want that').check();
        await ann.presses(`End everything for ${ANN}`);
        await ann.shows('Everything has ended', 'Nothing was connected');
    });
    await step('eve signs out, at a narrow window', async () => {
        await eve.page.setViewportSize({ width: 360, height: 740 });
        await eve.looks(seen('7-narrow'));
        assert.ok(await eve.fits(), 'nothing is cut off');
        await eve.presses('Sign out');
        await eve.shows('Signed out', 'What is connected stays so for your agents');
        await eve.opens('/');
        await eve.shows('Sign in', 'Your name');
    });
    await step('nobody broke a rule, and no page was refused something', async () => {
        assert.equal(await world.ask('judge'), 'sound');
        for (const person of [ann, eve, nobody]) assert.deepEqual(person.complaints, []);
    });
}

/** What the simulated servers show of it. */
async function picture({ browser, url, seen }) {
    await step('the page of the servers shows all that was asked there, and that no rule was broken', async () => {
        const reader = await Person.at(browser, url);
        assert.equal(await reader.opens('/'), 200);
        assert.equal(await reader.page.getByText('The client has broken no rule.').count(), 2);
        const { requests, fits } = await reader.page.evaluate(() => ({
            requests: [...document.querySelectorAll('svg')].map((it) => it.querySelectorAll('.back').length),
            fits: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        }));
        assert.ok(requests.every((count) => count >= 8), `${requests}`);
        assert.ok(fits, 'nothing is cut off');
        for (const text of ['browser', 'MCP server', 'POST /token  authorization_code', 'POST /mcp']) {
            assert.ok((await reader.page.getByText(text).count()) > 0, text);
        }
        await reader.page.screenshot({ path: seen });
        assert.deepEqual(reader.complaints, []);
    });
}

async function main() {
    const ends = [];
    try {
        const servers = await startWorld(worldCommand);
        ends.push(() => servers.world.end());
        const { gateway, url } = await startGateway(gatewayCommand, join(place, 'gateway'), servers);
        ends.push(() => gateway.end());
        const browser = await launch();
        ends.push(() => within(10_000, browser.close(), 'the end of the browser').then(() => 0));
        await story({ browser, world: servers.world, url });
        await picture({ browser, url: servers.page, seen: join(screenshots, '8-servers.png') });
    } catch (error) {
        console.error(`\n${said.join('')}`);
        throw error;
    } finally {
        for (const end of ends.reverse()) assert.equal(await end(), 0, 'a program ended with an error');
    }
    console.log(`${steps} steps, ${sound()} pages were looked at`);
}

await within(170_000, main(), 'the end of the story');
