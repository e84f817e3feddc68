// Runs the benchmarks one after the other and appends their figures to RESULTS.md.
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { firstLoad } from "../budgets/first-load.js";
import { idle } from "../budgets/idle.js";
import { stream } from "../budgets/stream.js";
import { line, table } from "../lib/figure.js";
import { startServer } from "../lib/server.js";
import { browser } from "./browser.js";
import { cardinality } from "./cardinality.js";
import { frames } from "./frames.js";
import { ingest } from "./ingest.js";
import { machine } from "./machine.js";
import { page } from "./page.js";
import { peers } from "./peers.js";
import { store } from "./store.js";
import { viewers } from "./viewers.js";

/** The rings hold 15 minutes: a server this old has them full. */
const FULL_MINUTES = process.env.QUICK ? 1 : 16;

const BENCHMARKS = {
  store: ["Store: ingest and query", () => store()],
  peers: ["The history against Prometheus and VictoriaMetrics", () => peers()],
  ingest: ["What is sent, by the second of processor time", () => ingest()],
  cardinality: ["100,000 series every 15 s", () => cardinality()],
  idle: ["A server that nobody looks at", (server) => idle(server, 60)],
  load: ["First load", firstLoad],
  stream: ["The stream of the overview", (server) => stream(server, 60)],
  page: ["The cached page against nginx", page],
  browser: ["A page in Chromium", (server) => browser(server)],
  frames: ["Twelve panels in somebody's page", () => frames()],
  viewers: ["Many viewers", viewers],
};

/** These need no server whose rings are full. */
const ALONE = ["store", "peers", "ingest", "cardinality"];

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!(name in BENCHMARKS)) throw new Error(`no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
}

const root = fileURLToPath(new URL("../..", import.meta.url));
execFileSync("cargo", ["build", "--release", "--locked", "-p", "keiki-server", "-p", "keiki-decode", "--examples"], { cwd: root, stdio: "inherit" });

const on = machine();
const began = Date.now();
const server = await startServer();
const sections = [];
let missed = 0;
try {
  for (const [name, [title, measure]] of Object.entries(BENCHMARKS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    if (!ALONE.includes(name)) {
      const rest = began + FULL_MINUTES * 60_000 - Date.now();
      if (rest > 0) console.log(`The rings are full in ${(rest / 60_000).toFixed(1)} min.`);
      await delay(Math.max(0, rest));
    }
    console.log(title);
    // Some tell more than their figures.
    const measured = await measure(server);
    const { figures, text } = Array.isArray(measured) ? { figures: measured } : measured;
    for (const figure of figures) console.log(line(figure));
    missed += figures.filter(({ kept }) => !kept).length;
    sections.push(`### ${title}\n\n${table(figures)}\n${text ? `\n${text}\n` : ""}`);
  }
} finally {
  await server.stop();
  if (sections.length > 0) {
    const date = new Date().toISOString().slice(0, 16).replace("T", " ");
    const rings = process.env.QUICK ? "rings not full" : "full 15-minute rings";
    appendFileSync(new URL("RESULTS.md", import.meta.url), `\n## ${date} UTC\n\n${on} · ${rings}\n\n${sections.join("\n")}`);
  }
}
process.exitCode = missed > 0 ? 1 : 0;
