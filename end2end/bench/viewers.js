// Thousands of viewers of the default overview: CPU, memory, bytes and how late a tick comes.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { figure } from "../lib/figure.js";
import { cpuSeconds, rssBytes } from "../lib/process.js";
import { binary, startServer } from "../lib/server.js";
import { until, within } from "../lib/until.js";

const SETTLE = 5;
const SECONDS = 30;

/** The client program; it is built beside the server. */
const client = process.env.VIEWERS_BIN ?? join(binary, "../examples/viewers");

class Viewers {
  constructor(server, count, settle, seconds, views = "") {
    const given = [`127.0.0.1:${server.port}`, `${server.base}/api/live?views=${encodeURIComponent(views)}`, count, settle, seconds].map(String);
    this.child = spawn(client, given, { stdio: ["ignore", "pipe", "inherit"] });
    this.events = new Map();
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
    createInterface({ input: this.child.stdout }).on("line", (text) => {
      const event = JSON.parse(text);
      this.events.set(event.event, event);
    });
  }

  /** Waits for what the client says. */
  event(name, timeout) {
    return until(`${name} of the viewers`, () => {
      if (this.child.exitCode > 0) throw new Error("the viewers ended early");
      return this.events.get(name);
    }, { timeout, every: 10 });
  }

  async stop() {
    if (this.child.exitCode === null) this.child.kill("SIGKILL");
    await within("the viewers end", 10_000, this.ended);
  }
}

/** Watches a server while viewers look at it. */
export async function observe(server, count, seconds = SECONDS) {
  const before = rssBytes(server.pid);
  const viewers = new Viewers(server, count, SETTLE, seconds);
  try {
    await viewers.event("open", 130_000);
    await viewers.event("measuring", 30_000);
    const [began, cpu] = [performance.now(), cpuSeconds(server.pid)];
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, rssBytes(server.pid))), 500);
    const seen = await viewers.event("measured", (seconds + 30) * 1000).finally(() => clearInterval(watch));
    const share = (cpuSeconds(server.pid) - cpu) / ((performance.now() - began) / 1000);
    return { ...seen, cpu: share, rss: most, each: (most - before) / count };
  } finally {
    await viewers.stop();
  }
}

function told(count, seen, budget) {
  const name = count.toLocaleString("en");
  return [
    figure(`${name} viewers: CPU of the server`, seen.cpu, "cores", budget.cpu),
    figure(`${name} viewers: memory of each`, seen.each / 1024, "KiB", budget.each),
    figure(`${name} viewers: server in all`, seen.rss / 1e6, "MB"),
    figure(`${name} viewers: bytes to each`, seen.bytes_per_second, "B/s", { most: 1500 }),
    figure(`${name} viewers: tick published, p99 after its time`, seen.first_delay_ms.p99, "ms", { most: 50 }),
    figure(`${name} viewers: tick arrived, p50`, seen.delay_ms.p50, "ms"),
    figure(`${name} viewers: tick arrived, p99`, seen.delay_ms.p99, "ms"),
    figure(`${name} viewers: ticks missed, streams lost or resent`, seen.holes + seen.ended + seen.snapshots, "", { most: 0 }),
  ];
}

/** So much a second that the buffers of a connection that is not read are soon full. */
const MANY = ["resources", "api", "queue"].flatMap((group) => [900, 899, 898].map((window) => `group:${group}@1/${window}`)).join(",");

/** One of 1,000 viewers stops reading: the others must not notice, and the memory must not grow. */
async function stopped(server) {
  // While it still reads: what its views take, they take without it.
  const idler = new Viewers(server, 1, 600, 1, MANY);
  try {
    await idler.event("open", 10_000);
    const alone = await observe(server, 999, 60);
    idler.child.kill("SIGSTOP");
    const beside = await observe(server, 999, 60);
    return [
      figure("one of 1,000 stopped: p99 of the others moves by", beside.delay_ms.p99 - alone.delay_ms.p99, "ms", { most: 50 }),
      figure("one of 1,000 stopped: p99 of the others", beside.delay_ms.p99, "ms"),
      figure("one of 1,000 stopped: memory more than without", (beside.rss - alone.rss) / 1e6, "MB", { most: 5 }),
    ];
  } finally {
    await idler.stop();
  }
}

export async function viewers(server) {
  const figures = [];
  figures.push(...told(1_000, await observe(server, 1_000), { cpu: {}, each: {} }));
  figures.push(...(await stopped(server)));
  // A server that had fewer viewers before: what it took for them would not count as memory of each.
  const fresh = await startServer();
  try {
    figures.push(...told(10_000, await observe(fresh, 10_000), { cpu: { most: 0.5 }, each: { most: 25 } }));
  } finally {
    await fresh.stop();
  }
  return figures;
}
