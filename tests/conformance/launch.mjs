// Starts the client for the suite, and ends it when it hangs.
//
// Both suite versions take a client that a signal has killed for one that exited with 0, and wait
// for ever for one that outlives its time. Here a signal becomes an exit code, as in a shell.

import { spawn } from "node:child_process";
import { constants } from "node:os";

const [seconds, command, serverUrl] = process.argv.slice(2);

// A process group of its own, so that what the client has started ends with it: the suite waits
// until nobody holds the client's output open.
const client = spawn(`${command} ${serverUrl}`, { shell: true, stdio: "inherit", detached: true });
const timer = setTimeout(() => end(124), Number(seconds) * 1000);
process.on("SIGTERM", () => end(124));
client.on("exit", (code, signal) => end(code ?? 128 + constants.signals[signal]));

function end(code) {
  clearTimeout(timer);
  try {
    process.kill(-client.pid, "SIGKILL");
  } catch {
    // Nobody of the group is left.
  }
  process.exit(code);
}
