// 100,000 living series that are read every 15 seconds, history and all: what they take, and whether the pages and the ticks
// are still in time.
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { exporter, samplesOf, targets } from "../lib/exporter.js";
import { figure, line } from "../lib/figure.js";
import { get } from "../lib/http.js";
import { cpuSeconds, peakRssBytes, rssBytes } from "../lib/process.js";
import { startServer } from "../lib/server.js";
import { until } from "../lib/until.js";
import { observe } from "./viewers.js";

/** Of each target: 10,000 series in Keiki, and a panel's group has something to do. */
const PAGE = { numbers: 9_800, histograms: 200 };
const TARGETS = 10;
const SERIES = TARGETS * (PAGE.numbers + PAGE.histograms);
const INTERVAL = 15;
const VIEWERS = 10;

/** The rings are full after a quarter of an hour. */
const FULL_MINUTES = Number(process.env.MINUTES ?? (process.env.QUICK ? 2 : 16));
const SECONDS = 60;

const config = (url) => `[limits]
series = ${2 * SERIES}
series_per_metric = ${SERIES}
[history]
series = ${4 * SERIES}
${targets(url, TARGETS, INTERVAL)}`;

const quantile = (values, part) => values.toSorted((one, two) => one - two)[Math.ceil(values.length * part) - 1];

/** Asks for the overview three times a second, and now and then for that of one target, which nobody has asked for before. */
async function ask(server, seconds) {
  const took = { MISS: [], HIT: [] };
  const fresh = Array.from({ length: TARGETS }, (_, n) => ["en", "ja"].map((lang) => `/?service=shop${n}&lang=${lang}`)).flat();
  const end = Date.now() + seconds * 1000;
  for (let turn = 0; Date.now() < end; turn += 1) {
    const path = turn % 5 === 4 ? (fresh.pop() ?? "/") : "/";
    const { status, headers, milliseconds } = await get(server.url(path), { headers: { "accept-encoding": "br" } });
    if (status !== 200) throw new Error(`${path}: ${status}`);
    took[headers["x-cache"]].push(milliseconds);
    await delay(333);
  }
  return took;
}

export async function cardinality() {
  const readings = Math.ceil(((FULL_MINUTES + 3) * 60) / INTERVAL);
  const page = await exporter(PAGE, readings, INTERVAL);
  const server = await startServer({ config: config(page.url) });
  try {
    const living = async () => Number((await get(server.url("/metrics"))).body.match(/^keiki_store_series(?:\{[^}]*\})? (\S+)/m)?.[1]);
    await until(`${SERIES} series live`, async () => (await living()) >= SERIES, { timeout: 180_000, every: 500 });
    await delay(FULL_MINUTES * 60_000);
    const [cpu, began] = [cpuSeconds(server.pid), performance.now()];
    const [took, seen] = await Promise.all([ask(server, SECONDS), observe(server, VIEWERS, SECONDS)]);
    const share = (cpuSeconds(server.pid) - cpu) / ((performance.now() - began) / 1000);
    const series = await living();
    return [
      figure("series in the store", series, "", { least: SERIES }),
      figure("samples of their pages", (TARGETS * samplesOf(PAGE)) / INTERVAL, "per second"),
      figure("memory", rssBytes(server.pid) / 1e6, "MB", { most: 600 }),
      figure("the most that it ever was", peakRssBytes(server.pid) / 1e6, "MB", { most: 600 }),
      figure("tick published, p99 after its time", seen.first_delay_ms.p99, "ms", { most: 100 }),
      figure("ticks missed, streams lost or resent", seen.holes + seen.ended + seen.snapshots, "", { most: 0 }),
      figure("the overview of one target, asked for the first time, p50", quantile(took.MISS, 0.5), "ms"),
      figure("the overview of one target, asked for the first time, p99", quantile(took.MISS, 0.99), "ms"),
      figure("the overview from the cache, p99", quantile(took.HIT, 0.99), "ms", { most: 20 }),
      figure("CPU, viewers and pages among it", share, "cores"),
    ];
  } finally {
    await server.stop();
    await page.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const figures = await cardinality();
  for (const one of figures) console.log(line(one));
  process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
}
