// Programs of others, each started for one test on a free port, with a folder of its own, and stopped afterwards.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { join, resolve } from "node:path";
import { writeFileSync } from "node:fs";
import { get } from "./http.js";
import { freePort } from "./port.js";
import { temporaryFolder } from "./server.js";
import { until, within } from "./until.js";

const here = resolve(import.meta.dirname, "../services");
const python = join(here, ".venv/bin/python");

/** A program that answers at a path once it is ready. */
class Service {
  constructor(name, port, program, given, { env = {}, ready = "/metrics", folder } = {}) {
    Object.assign(this, { name, port, log: "" });
    this.url = (path) => `http://127.0.0.1:${port}${path}`;
    this.child = spawn(program, given, { cwd: folder ?? temporaryFolder(), env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.child.once("error", (error) => (this.log += error));
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (chunk) => (this.log = (this.log + chunk).slice(-20_000)));
    this.ended = new Promise((done) => this.child.once("close", done));
    this.ready = ready;
  }

  async answers() {
    await until(`${this.name} answers`, async () => {
      if (this.child.exitCode !== null || this.child.pid === undefined) throw new Error(`${this.name} ended: ${this.log}`);
      return this.ready === null || (await get(this.url(this.ready)).catch(() => ({}))).status === 200;
    }, { timeout: 30_000, every: 100 });
    return this;
  }

  get pid() {
    return this.child.pid;
  }

  async stop() {
    if (this.child.exitCode === null) this.child.kill("SIGTERM");
    await within(`the end of ${this.name}`, 10_000, this.ended).catch(() => this.child.kill("SIGKILL"));
  }
}

/** The shop of `services/shop.py`. */
export async function shop(env) {
  const port = await freePort();
  const given = ["-m", "uvicorn", "--app-dir", here, "--port", String(port), "--log-level", "warning", "shop:app"];
  return new Service("the shop", port, python, given, { env, ready: "/healthz" }).answers();
}

export async function redis() {
  const port = await freePort();
  const service = new Service("Redis", port, "redis-server", ["--port", String(port), "--save", "", "--bind", "127.0.0.1"], { ready: null });
  await until("Redis is ready", () => service.log.includes("Ready to accept connections"), { timeout: 20_000 });
  return service;
}

export async function nodeExporter() {
  const port = await freePort();
  return new Service("node_exporter", port, "prometheus-node-exporter", [`--web.listen-address=127.0.0.1:${port}`]).answers();
}

/** A Prometheus with a configuration. */
export async function prometheusOf(config, ...more) {
  const port = await freePort();
  const folder = temporaryFolder();
  writeFileSync(join(folder, "prometheus.yml"), config);
  const given = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`, ...more];
  return new Service("Prometheus", port, "prometheus", given, { folder, ready: "/-/ready" }).answers();
}

/** A Prometheus that reads `targets` (job: port) every second and writes all to `write`. */
export function prometheus(targets, write) {
  const jobs = Object.entries(targets).map(([job, target]) => `  - job_name: ${job}\n    static_configs: [{ targets: ["127.0.0.1:${target}"] }]\n`);
  return prometheusOf(`global: { scrape_interval: 1s, scrape_timeout: 1s }\nremote_write:\n  - url: ${write}\nscrape_configs:\n${jobs.join("")}`);
}

/** A Prometheus that takes what is written to it. */
export const prometheusReceiver = () => prometheusOf("scrape_configs: []\n", "--web.enable-remote-write-receiver", "--log.level=warn");

export async function victoriaMetrics() {
  const port = await freePort();
  const folder = temporaryFolder();
  const given = [`-storageDataPath=${folder}/data`, `-httpListenAddr=127.0.0.1:${port}`, "-loggerLevel=ERROR"];
  return new Service("VictoriaMetrics", port, "victoria-metrics", given, { folder, ready: "/health" }).answers();
}

/** Sends datagrams to a StatsD. */
export async function statsd(port, lines) {
  const socket = createSocket("udp4");
  for (const line of lines) await new Promise((done) => socket.send(line, port, "127.0.0.1", done));
  socket.close();
}

/** Asks the shop, so many times a second; what came of it by the load's own count. */
export async function load(service, { count, rate }) {
  const took = [];
  let errors = 0;
  const asked = [];
  const began = performance.now();
  for (let number = 0; number < count; number += 1) {
    const due = began + (number * 1000) / rate;
    if (due > performance.now()) await new Promise((done) => setTimeout(done, due - performance.now()));
    const broken = number % 20 === 0;
    const ask = async () => {
      const start = performance.now();
      const response = await fetch(service.url(broken ? "/broken" : `/items/${number % 50}`), { headers: { "x-user": `user-${number % 3}` } });
      await response.arrayBuffer();
      took.push((performance.now() - start) / 1000);
      errors += response.status >= 500 ? 1 : 0;
    };
    asked.push(ask());
  }
  await Promise.all(asked);
  took.sort((one, two) => one - two);
  return { count, errors, p95: took[Math.floor(count * 0.95)] };
}
