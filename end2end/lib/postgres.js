// A private PostgreSQL server: in a folder of its own, on a free port, stopped afterwards.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./port.js";
import { temporaryFolder } from "./server.js";
import { until, within } from "./until.js";

/** The newest installed PostgreSQL's programs; Debian keeps them off the path. */
function programs() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, two) => Number(two) - Number(one)) : [];
  const found = versions.map((version) => join(debian, version, "bin")).find((folder) => existsSync(join(folder, "postgres")));
  return found ?? "";
}

const BIN = programs();
const program = (name) => join(BIN, name);

/** PostgreSQL refuses to run as root: its own user does, which its package makes. */
function identity() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

const OWNER = { user: "postgres", password: "owner-of-the-test" };

/** Keiki's user. */
export const KEIKI = { user: "keiki", password: "kept-from-all-pages" };

export class Postgres {
  /** Settings of postgresql.conf. */
  constructor(settings = {}) {
    this.settings = settings;
    this.folder = temporaryFolder();
    this.data = join(this.folder, "data");
    this.as = identity();
    this.log = "";
  }

  /** Makes the server, a database `shop` with the extension, and Keiki's user with its right. */
  async make() {
    this.port = await freePort();
    if (this.as.uid !== undefined) chownSync(this.folder, this.as.uid, this.as.gid);
    const password = join(this.folder, "password");
    writeFileSync(password, OWNER.password);
    if (this.as.uid !== undefined) chownSync(password, this.as.uid, this.as.gid);
    const given = ["-D", this.data, "-U", OWNER.user, "--auth=scram-sha-256", `--pwfile=${password}`, "--no-sync"];
    execFileSync(program("initdb"), given, { ...this.as, stdio: "pipe", cwd: this.folder });
    await this.start();
    this.sql(`CREATE ROLE ${KEIKI.user} LOGIN PASSWORD '${KEIKI.password}'`, "postgres");
    this.sql(`GRANT pg_monitor TO ${KEIKI.user}`, "postgres");
    this.sql("CREATE DATABASE shop", "postgres");
    this.sql("CREATE EXTENSION pg_stat_statements");
    return this;
  }

  async start() {
    const settings = {
      port: this.port,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: this.folder,
      shared_preload_libraries: "pg_stat_statements",
      fsync: "off",
      autovacuum: "off",
      ...this.settings,
    };
    const given = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    this.child = spawn(program("postgres"), ["-D", this.data, ...given], { ...this.as, cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr.on("data", (chunk) => (this.log = (this.log + chunk).slice(-20_000)));
    this.ended = new Promise((done) => this.child.once("close", done));
    await until("PostgreSQL answers", () => this.child.exitCode !== null || this.sql("SELECT 1", "postgres") === "1");
    if (this.child.exitCode !== null) throw new Error(`PostgreSQL ended: ${this.log}`);
  }

  /** The environment of a client: how to reach the server as its owner. */
  get environment() {
    return { ...process.env, PGHOST: "127.0.0.1", PGPORT: String(this.port), PGUSER: OWNER.user, PGPASSWORD: OWNER.password, PGDATABASE: "shop" };
  }

  /** What a statement answers, columns separated by `|`. */
  sql(text, database = "shop") {
    const given = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text];
    return execFileSync(program("psql"), given, { env: this.environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  /** Runs pgbench to its end; what it reports. */
  bench(...given) {
    const child = spawn(program("pgbench"), ["-n", ...given], { env: this.environment, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stderr.on("data", (chunk) => (text += chunk));
    return new Promise((resolve) => child.once("close", () => resolve(text)));
  }

  /** A session of a user that does nothing and keeps its place until the server ends it. */
  hold(user = OWNER.user, password = OWNER.password) {
    const environment = { ...this.environment, PGUSER: user, PGPASSWORD: password };
    const child = spawn(program("psql"), ["-X", "-q", "-c", "SELECT pg_sleep(600)"], { env: environment, stdio: "ignore" });
    return { ended: new Promise((done) => child.once("close", done)) };
  }

  /** Keiki's table for this server. */
  table(name = "shop-db") {
    const { user, password } = KEIKI;
    return `[[postgres]]\nname = "${name}"\nurl = "postgresql://${user}:${password}@127.0.0.1:${this.port}/shop"\n`;
  }

  /** The server's process and those of its sessions. */
  processes() {
    const { pid } = this.child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return [pid, ...children.split(" ").filter(Boolean).map(Number)];
  }

  /** Sends a signal to all of them: `SIGSTOP` holds the server as it stands. */
  signal(name) {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, name);
      } catch (error) {
        // A session may end by itself meanwhile.
        if (error.code !== "ESRCH") throw error;
      }
    }
  }

  /** Ends the server: `SIGINT` at once and in order, `SIGKILL` at once. */
  async halt(signal = "SIGINT") {
    if (signal === "SIGKILL") this.signal(signal);
    else process.kill(this.child.pid, signal);
    await within("PostgreSQL ends", 15_000, this.ended);
  }

  async stop() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.signal("SIGCONT");
    await this.halt();
  }
}

export const newPostgres = (settings) => new Postgres(settings).make();
