// Keiki, Prometheus and VictoriaMetrics with the same samples, asked the same questions, turn and turn about.
//
// The example `bench_peers` feeds Keiki and writes what the peers import: Prometheus by promtool into blocks of its own,
// VictoriaMetrics by its import. All three are asked over HTTP on loopback and answer in JSON; Keiki's answer is its engine's
// snapshot. Nobody may use an answer of before: Keiki is asked with an engine that has kept nothing, VictoriaMetrics runs
// with -search.disableCache, Prometheus keeps none. What the system holds of their files in memory is warm for all.
//
// Before anything is measured the answers are compared: a faster answer to something else is none.
import { execFile, spawn } from "node:child_process";
import { createReadStream, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { figure, line, median, readable } from "../lib/figure.js";
import { get } from "../lib/http.js";
import { freePort } from "../lib/port.js";
import { binary, temporaryFolder } from "../lib/server.js";
import { until, within } from "../lib/until.js";

const ROUNDS = 5;
const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Thirty take minutes to feed; with fewer the script itself can be tried. */
const DAYS = Number(process.env.DAYS ?? 30);

/** Commands, and the Debian packages that bring them. */
const NEEDED = { promtool: "prometheus", prometheus: "prometheus", "victoria-metrics": "victoria-metrics" };

/**
 * What is asked. `query` is the peers'; without a step it is one of a moment. `most` is how much slower than the better peer
 * Keiki may be, `engine` how many milliseconds its engine may take.
 */
const QUESTIONS = [
  {
    name: "p95_figure",
    title: "p95 of each of 50 routes, one figure over 5 min of samples of a second",
    query: "histogram_quantile(0.95, sum by (http_route, le) (rate(live_seconds_bucket[5m])))",
    window: 300,
    agree: buckets,
    most: 1,
  },
  {
    name: "p95_lines",
    title: "p95 of 50 routes, lines of 300 points over 5 min",
    query: "histogram_quantile(0.95, sum by (http_route, le) (rate(live_seconds_bucket[10s])))",
    window: 300,
    step: 1,
    agree: buckets,
    most: 1,
  },
  {
    name: "p95_day",
    title: "p95 of 50 routes, lines of 720 points over 24 h of samples of 15 s",
    query: "histogram_quantile(0.95, sum by (http_route, le) (rate(day_seconds_bucket[2m])))",
    window: DAY,
    step: 120,
    agree: buckets,
    most: 1,
  },
  {
    name: "top_10",
    title: "top 10 of 1,000 gauges by their mean over 5 min of samples of a second",
    query: "topk(10, avg_over_time(level[5m]))",
    window: 300,
    agree: (one, other) => apartBy(one, other, 0.001),
    most: 1,
  },
  {
    name: "rate_many",
    title: "sum of the rates of 10,000 counters, 200 points of a second",
    query: "sum(rate(work_total[2s]))",
    window: 200,
    step: 1,
    agree: (one, other) => apartBy(one, other, 0.02),
    most: 1,
    engine: 50,
  },
  {
    name: "rate_month",
    title: `rates of 100 counters over ${DAYS} days of samples of a minute, 100 lines of ${DAYS * 24} points`,
    query: "rate(month_total[1h])",
    window: DAYS * DAY,
    step: HOUR,
    agree: (one, other) => apartBy(one, other, 0.02),
    most: 2,
    engine: 20,
  },
  {
    name: "rate_month_sum",
    title: "the same, summed up to one line",
    query: "sum(rate(month_total[1h]))",
    window: DAYS * DAY,
    step: HOUR,
    agree: (one, other) => apartBy(one, other, 0.02),
    most: 2,
  },
];

/** Each label's value besides the one that all share. */
const nameOf = (labels) => labels.http_route ?? labels.n ?? "";

/** An answer as values by series and time. */
function fromKeiki(answer) {
  const begin = answer.to - answer.slots * answer.step * 1000;
  const rows = (answer.rows ?? []).map(({ labels, cells }) => [nameOf(labels), new Map([[0, cells[0].v]])]);
  // The peers give a point the time at which its slot ends.
  const end = (slot) => (begin + (slot + 1) * answer.step * 1000) / 1000;
  const points = (values) => values.map((value, slot) => [end(slot), value]).filter(([, value]) => value !== null);
  return new Map([...rows, ...answer.series.map((one) => [nameOf(one.labels), new Map(points(one.points))])]);
}

function fromPeer({ status, data, error }) {
  if (status !== "success") throw new Error(error ?? "no success");
  const points = ({ value, values }) => new Map(values?.map(([time, text]) => [time, Number(text)]) ?? [[0, Number(value[1])]]);
  return new Map(data.result.map((one) => [nameOf(one.metric), points(one)]));
}

/** Pairs of the values of both; they must tell of the same series at the same times. */
function pairs(one, other) {
  const names = (answer) => [...answer.keys()].sort().join(" ");
  if (names(one) !== names(other)) throw new Error(`other series: ${names(one)} and ${names(other)}`);
  const all = [...one].flatMap(([name, points]) => [...points].map(([time, value]) => [value, other.get(name).get(time)]));
  const both = all.filter(([, value]) => value !== undefined && !Number.isNaN(value));
  const size = (answer) => [...answer.values()].reduce((sum, points) => sum + points.size, 0);
  if (both.length < 0.99 * Math.max(size(one), size(other))) {
    throw new Error(`${both.length} points in common, of ${size(one)} and ${size(other)}`);
  }
  return both;
}

const apart = ([one, other]) => Math.abs(one - other) / Math.max(Math.abs(one), Math.abs(other), Number.MIN_VALUE);

/**
 * Values may be so far apart, as a share, but for one in a hundred: of a slot Keiki and VictoriaMetrics take the growth from
 * the last sample before it, Prometheus from the first one within, and stretches that to the slot's length.
 */
function apartBy(one, other, share) {
  const found = pairs(one, other).map(apart).sort((a, b) => a - b);
  const most = found[Math.ceil(found.length * 0.99) - 1];
  if (most > share || found.at(-1) > 2 * share) throw new Error(`${(most * 100).toFixed(1)} % apart, at most ${(found.at(-1) * 100).toFixed(1)} %`);
  return `median ${readable(median(found) * 100)} %, at most ${readable(found.at(-1) * 100)} % apart`;
}

/** A peer's quantile is a straight line through a bucket: the other value may be as far from it as the bucket is wide. */
function buckets(one, other, bounds) {
  const found = pairs(one, other);
  const width = (value) => {
    const place = bounds.findIndex((bound) => value <= bound);
    return place < 0 ? Infinity : bounds[place] - (bounds[place - 1] ?? 0);
  };
  const held = found.filter(([own, peer]) => Math.abs(own - peer) <= Math.max(width(own), width(peer)));
  if (held.length < 0.995 * found.length) throw new Error(`${found.length - held.length} of ${found.length} points farther apart than a bucket`);
  return `median ${readable(median(found.map(apart)) * 100)} % apart, within a bucket`;
}

async function missing() {
  const has = (command) => promisify(execFile)("sh", ["-c", `command -v ${command}`]).then(() => true, () => false);
  const packages = new Set();
  for (const [command, name] of Object.entries(NEEDED)) if (!(await has(command))) packages.add(name);
  return [...packages].join(" ");
}

/** A process that is gone when this one ends, and tells what it said when it does not do what it should. */
function start(command, args, { answers, ...options } = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
  let said = "";
  child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-4_000)));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const failed = new Promise((_, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => reject(new Error(`${command} ended (${signal ?? code})\n${said}`)));
  });
  failed.catch(() => {});
  return {
    child,
    /** Rejects if the process ends before a promise is kept. */
    meanwhile: (promise) => Promise.race([promise, failed]),
    async stop() {
      child.kill("SIGTERM");
      await within(`${command} ends`, 20_000, ended).catch(() => child.kill("SIGKILL"));
    },
  };
}

async function startKeiki(folder, end) {
  const keiki = start(join(binary, "../examples/bench_peers"), [folder, String(end * 1000), String(DAYS)]);
  const lines = createInterface({ input: keiki.child.stdout });
  const told = await keiki.meanwhile(new Promise((resolve) => lines.once("line", resolve)));
  const fed = JSON.parse(told);
  return { ...keiki, fed, address: ({ name }) => `http://127.0.0.1:${fed.port}/${name}` };
}

/** The HTTP API that both peers have. */
const asked = (port, end) => ({ query, window, step }) => {
  const given = step ? { query, start: end - window + step, end, step } : { query, time: end };
  return `http://127.0.0.1:${port}/api/v1/${step ? "query_range" : "query"}?${new URLSearchParams(given)}`;
};

async function startPrometheus(folder, end) {
  const blocks = join(folder, "prometheus");
  // Of blocks of two hours, the usual length, promtool would read all of the text once for each. A week is what
  // Prometheus itself merges them to.
  const given = ["tsdb", "create-blocks-from", "--max-block-duration=162h", "openmetrics", join(folder, "samples.om"), blocks];
  await promisify(execFile)("promtool", given, { maxBuffer: 1 << 26 });
  rmSync(join(folder, "samples.om"));
  writeFileSync(join(folder, "prometheus.yml"), "scrape_configs: []\n");
  const port = await freePort();
  const prometheus = start("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${blocks}`,
    "--storage.tsdb.retention.time=90d",
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);
  const ready = until("prometheus is ready", async () => (await get(`http://127.0.0.1:${port}/-/ready`)).status === 200, { timeout: 60_000 });
  await prometheus.meanwhile(ready).catch(async (error) => {
    await prometheus.stop();
    throw error;
  });
  return { ...prometheus, address: asked(port, end) };
}

function send(address, file) {
  return new Promise((resolve, reject) => {
    const request = http.request(address, { method: "POST" }, (response) => {
      response.resume();
      response.once("end", () => (response.statusCode < 300 ? resolve() : reject(new Error(`${address}: ${response.statusCode}`))));
    });
    request.once("error", reject);
    createReadStream(file, { highWaterMark: 1 << 20 }).pipe(request);
  });
}

async function startVictoria(folder, end) {
  const port = await freePort();
  const victoria = start("victoria-metrics", [
    `-storageDataPath=${join(folder, "victoria")}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    "-retentionPeriod=3",
    "-search.latencyOffset=0s",
    "-search.disableCache",
    "-loggerLevel=ERROR",
  ]);
  const at = `http://127.0.0.1:${port}`;
  const settled = async () => {
    const { body } = await get(`${at}/metrics`);
    return [...body.matchAll(/^vm_(?:active_merges|pending_rows)\{.*\} (\d+)$/gm)].every(([, count]) => count === "0");
  };
  const ready = async () => {
    await until("victoria-metrics is ready", async () => (await get(`${at}/health`)).status === 200, { timeout: 60_000 });
    await send(`${at}/api/v1/import/prometheus`, join(folder, "samples.txt"));
    await get(`${at}/internal/force_flush`, { timeout: 60_000 });
    await until("victoria-metrics has merged", settled, { timeout: 120_000, every: 500 });
  };
  await victoria.meanwhile(ready()).catch(async (error) => {
    await victoria.stop();
    throw error;
  });
  rmSync(join(folder, "samples.txt"));
  return { ...victoria, address: asked(port, end) };
}

/** Asks everybody everything. */
async function compare(contenders, bounds) {
  const agent = new http.Agent({ keepAlive: true });
  const ask = async (who, question) => {
    const answer = await get(contenders[who].address(question), { agent, timeout: 120_000 });
    if (answer.status !== 200) throw new Error(`${who}, ${question.name}: ${answer.status} ${answer.body.slice(0, 300)}`);
    return answer;
  };
  const found = [];
  for (const question of QUESTIONS) {
    const all = Object.keys(contenders);
    const answers = {};
    for (const who of all) answers[who] = JSON.parse((await ask(who, question)).body);
    const own = fromKeiki(answers.Keiki);
    const agreed = all.slice(1).map((who) => {
      try {
        return `${who} ${question.agree(own, fromPeer(answers[who]), bounds)}`;
      } catch (error) {
        throw new Error(`${question.name}: Keiki and ${who} do not agree: ${error.message}`);
      }
    });
    const times = Object.fromEntries(all.map((who) => [who, []]));
    const engine = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const who of all) {
        const answer = await ask(who, question);
        times[who].push(answer.milliseconds);
        if (who === "Keiki") engine.push(Number(answer.headers["x-engine"]));
      }
    }
    found.push({ question, times, engine, agreed });
  }
  // What a page that stays open costs: the next second of the same line.
  const next = { title: "p95 of 50 routes, one figure over 5 min", name: "p95_figure?next", engine: 0.3 };
  const lines = { title: "p95 of 50 routes, lines of 300 points over 5 min", name: "p95_lines?next", engine: 0.3 };
  const warm = [];
  for (const question of [next, lines]) {
    await ask("Keiki", question);
    const times = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(Number((await ask("Keiki", question)).headers["x-engine"]));
    warm.push({ ...question, times });
  }
  agent.destroy();
  return { found, warm };
}

const list = (times) => times.map((time) => readable(time)).join(" ");

function told({ found, warm }, { samples, seconds, lines }) {
  const figures = [];
  const rows = [];
  for (const { question, times, engine, agreed } of found) {
    const [own, ...peers] = Object.values(times).map(median);
    const ratio = own / Math.min(...peers);
    figures.push(figure(`${question.title}: Keiki of the better peer`, ratio, "×", { most: question.most }));
    if (question.engine) figures.push(figure(`${question.title}: Keiki's engine`, median(engine), "ms", { most: question.engine }));
    rows.push(`| ${[question.title, ...[own, median(engine), ...peers].map(readable), `${readable(ratio)} ×`, agreed.join("; ")].join(" | ")} |`);
  }
  for (const { title, times, engine } of warm) figures.push(figure(`${title}, each tick: Keiki's engine`, median(times), "ms", { most: engine }));
  const recorded = [
    ...found.flatMap(({ question, times, engine }) =>
      Object.entries({ ...times, "Keiki's engine alone": engine }).map(([who, all]) => `- ${question.title}, ${who}: ${list(all)}`),
    ),
    ...warm.map(({ title, times }) => `- ${title}, each tick, Keiki's engine alone: ${list(times)}`),
  ];
  const text = `${(samples / 1e6).toFixed(1)} M samples, ${(lines / 1e6).toFixed(1)} M lines to the peers (a histogram of theirs has 12 bounds and +Inf; Keiki's
is exponential). Milliseconds over HTTP and to the last byte, medians of ${ROUNDS}. Keiki took its samples in ${seconds.toFixed(0)} s.

| what | Keiki | its engine alone | Prometheus | VictoriaMetrics | Keiki of the better | agreement |
|---|---:|---:|---:|---:|---:|---|
${rows.join("\n")}

All of them, ms:

${recorded.join("\n")}`;
  return { figures, text };
}

export async function peers() {
  const lacking = await missing();
  if (lacking) throw new Error(`Missing for this comparison: ${lacking} (Debian: apt-get install ${lacking})`);
  const folder = temporaryFolder();
  // Whole slots of every question end here.
  const end = Math.floor(Date.now() / 1000 / HOUR) * HOUR;
  const running = [];
  const also = async (starting) => {
    const one = await starting;
    running.push(one);
    return one;
  };
  try {
    const Keiki = await also(startKeiki(folder, end));
    const Prometheus = await also(startPrometheus(folder, end));
    const VictoriaMetrics = await also(startVictoria(folder, end));
    return told(await compare({ Keiki, Prometheus, VictoriaMetrics }, Keiki.fed.bounds), Keiki.fed);
  } finally {
    for (const one of running) await one.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { figures, text } = await peers();
  console.log(`${text}\n`);
  for (const one of figures) console.log(line(one));
  process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
}
