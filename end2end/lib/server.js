// Starts and stops the built binary, each time in a folder of its own.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { get } from "./http.js";
import { freePort } from "./port.js";
import { until, within } from "./until.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export const binary = process.env.KEIKI_BIN ?? join(root, "target/release/keiki");

/** The environment of this process without what would configure a server. */
function environment(more = {}) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("KEIKI_"));
  return { ...Object.fromEntries(own), ...more };
}

const folders = [];
process.on("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new folder, gone when this process ends. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "keiki-test-"));
  folders.push(folder);
  return folder;
}

/** Runs a command of the binary to its end. */
export function run(args, { cwd, env, timeout = 10_000 } = {}) {
  const child = spawn(binary, args, { cwd, env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const ended = new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => done({ code, signal, stdout, stderr, text: stdout + stderr }));
  });
  return within(`keiki ${args.join(" ")}`, timeout, ended).finally(() => child.kill("SIGKILL"));
}

/** Another build of the binary, in a folder: the same but for the build that it says it is. */
export function otherBuild(build, folder) {
  const bytes = readFileSync(binary);
  const other = Buffer.from(build.replace(/./g, (digit) => (15 - parseInt(digit, 16)).toString(16)));
  let found = 0;
  for (let at = bytes.indexOf(build); at >= 0; at = bytes.indexOf(build, at + 1)) {
    other.copy(bytes, at);
    found += 1;
  }
  if (found === 0) throw new Error(`the binary does not say that it is build ${build}`);
  const path = join(folder, "keiki-other");
  writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

class Server {
  constructor(options) {
    this.options = options;
    this.folder = options.folder ?? temporaryFolder();
    this.base = options.base ?? "";
    this.log = "";
  }

  async start() {
    if (!existsSync(binary)) throw new Error(`${binary} is missing: run \`make build\`.`);
    this.port ??= this.options.port ?? (await freePort());
    const { args = [], config, env, executable = binary } = this.options;
    const given = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data-dir", join(this.folder, "data"), ...args];
    if (config !== undefined) {
      writeFileSync(join(this.folder, "keiki.toml"), config);
      given.push("--config", join(this.folder, "keiki.toml"));
    }
    this.child = spawn(executable, given, {
      cwd: this.folder,
      env: environment({ ...(this.base && { KEIKI_SERVER__BASE_PATH: this.base }), ...env }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk) => (this.log = (this.log + chunk).slice(-100_000));
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
    this.ended = new Promise((done, fail) => {
      this.child.once("error", fail);
      this.child.once("close", (code, signal) => done({ code, signal }));
    });
    this.ended.then(
      (end) => (this.end = end),
      (error) => (this.end = { error }),
    );
    await until("the server is ready", async () => {
      if (this.end) return true;
      // Encrypted, it only says that it listens.
      if (this.options.secure) return this.log.includes('"listening"');
      return (await get(this.url("/readyz"))).status === 200;
      // It opens its history first, and a disk that others use may keep it waiting.
    }, { timeout: 30_000 });
    if (this.end) throw new Error(`The server ended: ${JSON.stringify(this.end)}`);
    return this;
  }

  get pid() {
    return this.child.pid;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The address of a path under the base path. */
  url(path = "/") {
    return `${this.origin}${this.base}${path}`;
  }

  /** A panel's data as everyone gets them. */
  async panel(id, query = "window=5m") {
    const answer = await get(this.url(`/panels/${id}.json?${query}`));
    if (answer.status !== 200) throw new Error(`${id}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }

  signal(name) {
    if (!this.end) process.kill(this.pid, name);
  }

  /** Ends the process; the folder and the port stay for another start. */
  async halt(signal = "SIGTERM", timeout = 10_000) {
    this.signal(signal);
    return within(`the server ends after ${signal}`, timeout, this.ended);
  }

  async stop() {
    if (!this.child || this.end) return;
    this.signal("SIGCONT");
    await this.halt().catch(() => this.halt("SIGKILL"));
  }
}

/**
 * A running, ready server. Options: `config` (text of a keiki.toml), `env`, `args`, `base` (path), `port`, `folder`, `executable`.
 */
export function startServer(options = {}) {
  const server = new Server(options);
  return server.start().catch(async (error) => {
    await server.stop();
    throw new Error(`${error.message}\n${server.log}`, { cause: error });
  });
}
