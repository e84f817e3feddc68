// What it costs to be sent samples: how many of them a second of the receiver's processor time takes through to the store, for
// Keiki as it is started by default, and for VictoriaMetrics and Prometheus, which get the same requests over HTTP.
//
// The sender is a program of its own (`server/decode/examples/send`), which makes all requests beforehand; series are known
// and the processes warm when the measuring begins. What a receiver does within three seconds after the last request
// counts, too. Nobody's samples may be dropped: what each says that it has taken is compared with what was sent.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { exporter, samplesOf, targets } from "../lib/exporter.js";
import { figure, line, median, readable } from "../lib/figure.js";
import { get } from "../lib/http.js";
import { cpuSeconds } from "../lib/process.js";
import { binary, startServer } from "../lib/server.js";
import { prometheusReceiver, victoriaMetrics } from "../lib/services.js";
import { until } from "../lib/until.js";

const TURNS = Number(process.env.TURNS ?? 3);
const SETTLE = 3_000;

/** A page that is asked for by ten targets, every second: no target is read more often. */
const PAGE = { numbers: 5_100, histograms: 350 };
const TARGETS = 10;
const WARM_SECONDS = 10;
const TEXT_SECONDS = 40;

/** The sum of a metric's values on a page of a receiver's own metrics. */
async function sum(address, pattern) {
  const { body } = await get(address);
  return [...body.matchAll(pattern)].reduce((all, [, value]) => all + Number(value), 0);
}

/** How each is started, and what it says that it has taken of what was sent. */
const RECEIVERS = {
  Keiki: {
    start: async () => {
      const server = await startServer();
      return Object.assign(server, { host: `127.0.0.1:${server.port}` });
    },
    async complains(server) {
      const { sources } = JSON.parse((await get(server.url("/api/sources"))).body);
      const wrong = sources.filter((one) => one.series_refused > 0 || Object.keys(one.rejected ?? {}).length > 0);
      return wrong.map(({ name, rejected, series_refused: refused }) => `${name}: ${JSON.stringify(rejected)}, ${refused} series refused`).join("; ");
    },
  },
  VictoriaMetrics: {
    start: async () => {
      const peer = await victoriaMetrics();
      return Object.assign(peer, { host: `127.0.0.1:${peer.port}` });
    },
    taken: (peer) => sum(peer.url("/metrics"), /^vm_rows_inserted_total\{type="promremotewrite"\} (\d+)/gm),
  },
  Prometheus: {
    start: async () => {
      const peer = await prometheusReceiver();
      return Object.assign(peer, { host: `127.0.0.1:${peer.port}` });
    },
    taken: (peer) => sum(peer.url("/metrics"), /^prometheus_tsdb_head_samples_appended_total(?:\{[^}]*\})? (\S+)/gm),
  },
};

/** A run of the sender against one receiver: samples by the second of processor time. */
async function flood(who, what) {
  const receiver = await RECEIVERS[who].start();
  const sender = spawn(join(binary, "../examples/send"), [receiver.host, what], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  sender.stderr.on("data", (chunk) => (said += chunk));
  const events = new Map();
  createInterface({ input: sender.stdout }).on("line", (text) => {
    const event = JSON.parse(text);
    events.set(event.event, event);
  });
  const event = async (name) => {
    const found = await until(`${name} of the sender`, () => events.get(name) ?? sender.exitCode !== null, { timeout: 120_000, every: 20 });
    if (found === true) throw new Error(`the sender ended: ${said}`);
    return found;
  };
  try {
    await event("warm");
    const before = cpuSeconds(receiver.pid);
    sender.stdin.write("\n");
    const sent = await event("sent");
    await delay(SETTLE);
    const seconds = cpuSeconds(receiver.pid) - before;
    const complaint = await RECEIVERS[who].complains?.(receiver);
    if (complaint) throw new Error(`${who} has not taken all of ${what}: ${complaint}`);
    // Some count every so often only.
    const taken = RECEIVERS[who].taken;
    if (taken) await until(`${who} has taken ${sent.all} samples`, async () => (await taken(receiver)) === sent.all, { timeout: 20_000, every: 500 });
    return { rate: sent.samples / seconds, wall: sent.samples / sent.seconds };
  } finally {
    sender.kill("SIGKILL");
    await receiver.stop();
  }
}

/** Everybody in turn, so that what else the machine does falls on all. */
async function inTurn(who, what) {
  const found = Object.fromEntries(who.map((name) => [name, []]));
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const name of who) found[name].push(await flood(name, what));
  }
  return found;
}

async function scraped() {
  const page = await exporter(PAGE, WARM_SECONDS + TEXT_SECONDS + 10);
  const config = `[limits]\nseries = 200000\nseries_per_metric = 200000\n${targets(page.url, TARGETS, 1)}`;
  const server = await startServer({ config });
  try {
    await until("all targets are read", () => page.served >= TARGETS);
    await delay(WARM_SECONDS * 1000);
    const [served, before] = [page.served, cpuSeconds(server.pid)];
    await delay(TEXT_SECONDS * 1000);
    const samples = (page.served - served) * samplesOf(PAGE);
    const seconds = cpuSeconds(server.pid) - before;
    const complaint = await RECEIVERS.Keiki.complains(server);
    if (complaint) throw new Error(`not all of the pages was taken: ${complaint}`);
    return { rate: samples / seconds, wall: samples / TEXT_SECONDS };
  } finally {
    await server.stop();
    await page.stop();
  }
}

const millions = (value) => value / 1e6;
const rate = (turns) => median(turns.map((turn) => turn.rate));

export async function ingest() {
  const all = Object.keys(RECEIVERS);
  const figures = [];
  const recorded = [];
  const note = (what, who, turns) =>
    recorded.push(`- ${what}, ${who}: ${turns.map((turn) => `${readable(millions(turn.rate))} (${readable(millions(turn.wall))})`).join(", ")}`);
  const compare = async (title, what, least) => {
    const found = await inTurn(all, what);
    const [own, ...peers] = all.map((who) => rate(found[who]));
    all.forEach((who) => note(title, who, found[who]));
    figures.push(figure(`${title}: Keiki`, millions(own), "M/CPU-s", { least }));
    all.slice(1).forEach((who, place) => figures.push(figure(`${title}: ${who}`, millions(peers[place]), "M/CPU-s")));
    figures.push(figure(`${title}: Keiki of the better peer`, own / Math.max(...peers), "×", { least: 1 }));
  };
  await compare("remote write, samples", "remote_write", 1.5);
  await compare("remote write, half of them of classic histograms", "histograms");
  for (const [title, what, least] of [["OTLP, data points", "otlp", 0.6], ["OTLP, spans", "spans", 0.1]]) {
    const { Keiki } = await inTurn(["Keiki"], what);
    note(title, "Keiki", Keiki);
    figures.push(figure(title, millions(rate(Keiki)), "M/CPU-s", { least }));
  }
  const text = await scraped();
  note("pages, samples", "Keiki", [text]);
  figures.push(figure(`pages, samples of ${TARGETS} × ${samplesOf(PAGE).toLocaleString("en")} every second`, millions(text.rate), "M/CPU-s", { least: 1 }));
  return {
    figures,
    text: `Medians of ${TURNS}, each in a process of its own; processor time in user and system mode of all of the receiver, HTTP, unpacking,
store and history among it. Debian's VictoriaMetrics does not know OTLP yet. All of them, millions by the second of processor time, and by
that of the clock:

${recorded.join("\n")}`,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { figures, text } = await ingest();
  console.log(`${text}\n`);
  for (const one of figures) console.log(line(one));
  process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
}
