// The bridge between the official client for TypeScript, over standard input and output, and the official server for
// Python with its own login: node drive.mjs MCP-OAUTH PYTHON SERVER.PY.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [command, python, script] = process.argv.slice(2);
const SECONDS = Number(process.env.BRIDGE_SECONDS ?? 15);
const home = mkdtempSync(join(tmpdir(), 'mcp-oauth-bridge-'));
const env = { ...process.env, MCP_OAUTH_HOME: home, NO_PROXY: '127.0.0.1' };

/** A server whose tokens live for so many seconds. */
async function started(lifetime) {
    const options = ['--sessions', '--streams', '--lifetime', String(lifetime)];
    const server = spawn(python, [script, ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
    const url = await lineOf(server.stdout, () => true);
    const requests = async () => (await fetch(new URL('/requests', url))).json();
    return { url, requests, end: () => server.stdin.end() };
}

async function lineOf(stream, fits) {
    for await (const line of createInterface(stream)) if (fits(line)) return line.trim();
    throw new Error('it ended before it said so');
}

/** A login, by a user who opens the page and pastes where it ends. */
async function logIn(url) {
    const login = spawn(command, ['login', '--paste', url], { env, stdio: ['pipe', 'ignore', 'pipe'] });
    const page = await lineOf(login.stderr, (line) => line.includes('response_type=code'));
    const answer = await fetch(page, { redirect: 'manual' });
    login.stdin.end(`${answer.headers.get('location')}\n`);
    const code = await new Promise((resolve) => { login.on('exit', resolve); });
    assert.equal(code, 0, 'the login ends well');
}

async function host(url) {
    const client = new Client({ name: 'host', version: '1' }, { capabilities: { elicitation: {}, sampling: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ann' } }));
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
        model: 'none', role: 'assistant', content: { type: 'text', text: `hello ${params.messages[0].content.text}` },
    }));
    await client.connect(new StdioClientTransport({ command, args: ['bridge', '--no-login', url], env, stderr: 'inherit' }));
    return client;
}

const text = (result) => result.content[0].text;
const call = (client, name, args = {}, options = {}) => client.callTool({ name, arguments: args }, undefined, options);

async function everything() {
    const server = await started(3600);
    await logIn(server.url);
    const client = await host(server.url);
    const { tools } = await client.listTools();
    assert.ok(tools.length >= 5, 'all tools are there');
    assert.equal(text(await call(client, 'add', { a: 19, b: 23 })), '42');
    const { contents } = await client.readResource({ uri: 'note://x' });
    assert.equal(contents[0].text, 'the note x');
    const progress = [];
    const counted = await call(client, 'count', { to: 3 }, { onprogress: (it) => progress.push(it.progress) });
    assert.deepEqual([text(counted), progress], ['3', [1, 2, 3]]);
    assert.equal(text(await call(client, 'ask')), 'hello Ann');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    await assert.rejects(call(client, 'wait', {}, { signal: stop.signal }));
    for (let tries = 0; text(await call(client, 'how_many_were_cancelled')) !== '1'; tries += 1) {
        assert.ok(tries < 50, 'the server hears of the cancellation');
        await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    await client.close();
    server.end();
    console.log('  tools, a resource, progress, elicitation, sampling, cancellation');
}

async function threeAtOnce() {
    const server = await started(3);
    await logIn(server.url);
    const clients = await Promise.all([1, 2, 3].map(() => host(server.url)));
    let calls = 0;
    const end = Date.now() + 1000 * SECONDS;
    await Promise.all(clients.map(async (client) => {
        while (Date.now() < end) {
            assert.equal(text(await call(client, 'add', { a: calls, b: 1 })).length > 0, true);
            calls += 1;
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
    }));
    const requests = await server.requests();
    const tokens = requests.filter((it) => it.startsWith('POST /token'));
    const logins = requests.filter((it) => it.startsWith('GET /authorize')).length;
    assert.equal(logins, 1, 'nobody is logged out');
    assert.ok(tokens.every((it) => it.endsWith(' 200')), `a refresh token is spent once: ${tokens}`);
    assert.ok(tokens.length <= 2 + SECONDS, 'one refresh at a time');
    await Promise.all(clients.map((client) => client.close()));
    server.end();
    console.log(`  three bridges for ${SECONDS} s: ${calls} calls, ${tokens.length - 1} refreshes, none failed`);
}

const limit = setTimeout(() => { console.error('it takes too long'); process.exit(1); }, 1000 * (60 + SECONDS));
try {
    await everything();
    await threeAtOnce();
} finally {
    rmSync(home, { recursive: true, force: true });
}
clearTimeout(limit);
