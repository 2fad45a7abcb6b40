// Debian's Chromium, without a window.

import { chromium } from 'playwright-core';

/** Starts it; `settings` are those of playwright. */
export const launch = (settings = {}) => chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
    ],
    timeout: 30_000,
    ...settings,
});
