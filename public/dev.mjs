// Runs Keiki, and builds and restarts it whenever a source changes: `make dev`.
//
// The old server runs on until the new one is built, and a build that fails leaves it alone. Pages reload themselves
// when the stream tells them of another build.
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [binary, ...options] = process.argv.slice(2);
const WATCHED = ["Cargo.toml", "Cargo.lock", "app", "model", "server", "style", "public"];
// Asking for a few hundred times of change is cheap, and works where file events don't (containers, network drives).
const POLL_MILLISECONDS = 500;

/** The latest change below a path, and how many files there are: one that was removed is a change, too. */
function state(path) {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (!entry?.isDirectory()) {
    return { files: entry ? 1 : 0, changed: entry?.mtimeMs ?? 0 };
  }
  return readdirSync(path)
    .filter((name) => name !== "node_modules" && !name.startsWith("."))
    .map((name) => state(join(path, name)))
    .reduce((all, one) => ({ files: all.files + one.files, changed: Math.max(all.changed, one.changed) }), {
      files: 0,
      changed: 0,
    });
}

const all = () => JSON.stringify(WATCHED.map(state));

let server = null;

async function stop() {
  if (server !== null && server.exitCode === null && server.signalCode === null) {
    const ended = new Promise((done) => server.once("exit", done));
    server.kill("SIGTERM");
    await Promise.race([ended, sleep(5000).then(() => server.kill("SIGKILL"))]);
  }
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => stop().then(() => process.exit(0)));
}

for (let seen = null; ; ) {
  const now = all();
  if (now !== seen) {
    seen = now;
    if (spawnSync("make", ["--no-print-directory", "build", "PROFILE=dev"], { stdio: "inherit" }).status === 0) {
      await stop();
      server = spawn(binary, options, { stdio: "inherit" });
      server.once("error", (error) => console.error(`${binary}: ${error.message}`));
    } else {
      console.error("The build failed; waiting for a change.");
    }
  }
  await sleep(POLL_MILLISECONDS);
}
