// The programs that the browser meets: the simulated servers, and the gateway.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const PATIENCE = 10_000;

/** What the programs have printed beside their answers: of interest when something is wrong. */
export const said = [];

/** A program that answers lines, and ends with its standard input. */
export class Program {
    #child;
    #lines;
    #name;

    constructor(name, command, told) {
        this.#name = name;
        this.#child = spawn(command, told, { stdio: ['pipe', 'pipe', 'pipe'] });
        this.#child.stderr.on('data', (text) => said.push(text));
        this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    }

    /** The next line that it prints. */
    async line() {
        const { value, done } = await within(PATIENCE, this.#lines.next(), `a line of ${this.#name}`);
        if (done) throw new Error(`${this.#name} has ended`);
        return value;
    }

    async ask(line) {
        this.#child.stdin.write(`${line}\n`);
        return this.line();
    }

    async end() {
        if (this.#child.exitCode !== null) return this.#child.exitCode;
        const exit = once(this.#child, 'exit');
        this.#child.stdin.end();
        try {
            const [code] = await within(PATIENCE, exit, `the end of ${this.#name}`);
            return code;
        } finally {
            this.#child.kill('SIGKILL');
        }
    }
}

/** The servers, and their URLs by name. */
export async function startWorld(command) {
    const world = new Program('the world', command, []);
    // The two servers, and the page that shows what happens at them.
    const [notes, mail, page] = [await world.line(), await world.line(), await world.line()].map((line) => line.split(' ')[1]);
    return { world, notes, mail, page };
}

/**
 * The gateway, under a name of another site than the servers': cookies do not look at ports, but at names.
 */
export async function startGateway(command, files, { notes, mail }) {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const told = ['serve', 'the gateway', '--listen', `127.0.0.1:${port}`, '--url', url, '--files', files];
    const gateway = new Program('the gateway', command, [...told, `notes=${notes}`, `mail=${mail}`]);
    await gateway.line();
    return { gateway, url };
}

async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

/** What was promised, or an error when it takes too long. */
export async function within(milliseconds, promise, what) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), milliseconds);
    });
    try {
        return await Promise.race([promise, limit]);
    } finally {
        clearTimeout(timer);
    }
}
