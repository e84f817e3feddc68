// Somebody's page with twelve panels in frames: what the browser has to do and to hold for them.
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { chromium } from "playwright-core";
import { launchOptions } from "../lib/chromium.js";
import { figure } from "../lib/figure.js";
import { hostPage } from "../lib/host.js";
import { openStreams } from "../lib/page.js";
import { cpuSeconds } from "../lib/process.js";
import { startServer } from "../lib/server.js";
import { until } from "../lib/until.js";

const PANELS = [
  "api.latency", "api.throughput", "api.errors", "cache.hit_rate", "cache.size", "resources.cpu",
  "resources.memory", "resources.disk_io", "resources.network", "queue.length", "queue.run_time", "queue.rate",
];
const SECONDS = 40;

/** The processes below one, with what they were called with. */
function below(pid) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1].split(" ")[1]);
      return [{ pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, "utf8") }];
    } catch {
      return [];
    }
  });
  const found = new Set([pid]);
  for (let grown = -1; grown !== found.size; ) {
    grown = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  return all.filter((one) => found.has(one.pid) && one.pid !== pid);
}

/** Its own memory, and its share of what it has in common with others. */
const proportional = (pid) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) * 1024;

export async function frames() {
  let html = "";
  const host = await hostPage(() => html);
  const server = await startServer({ config: `[embed]\norigins = ["${host.origin}"]\n` });
  const browser = await chromium.launchServer(launchOptions);
  try {
    const elements = PANELS.map((panel, place) => `<keiki-panel panel="${panel}" theme="${place % 2 ? "dark" : "light"}" height="280"></keiki-panel>`);
    html = `<!doctype html><meta charset="utf-8"><script src="${server.url("/embed.js")}" async></script><div style="display:grid;grid-template-columns:repeat(4,1fr)">${elements.join("")}</div>`;
    const client = await chromium.connect(browser.wsEndpoint());
    const page = await client.newPage({ viewport: { width: 1440, height: 900 } });
    const streams = openStreams(page);
    await page.goto(host.origin);
    const shown = () => page.frames().filter((frame) => frame.url().includes("/embed/"));
    await until("twelve frames are live", async () => {
      const links = await Promise.all(shown().map((frame) => frame.evaluate(() => document.documentElement.dataset.link).catch(() => undefined)));
      return links.length === PANELS.length && links.every((link) => link === "live");
    }, { timeout: 60_000 });
    await until("one stream is left", () => streams().length === 1, { timeout: 20_000 });
    // Start-up is not what is measured.
    await delay(15_000);
    const renderers = below(browser.process().pid).filter(({ command }) => command.includes("--type=renderer"));
    const used = () => renderers.map(({ pid }) => cpuSeconds(pid));
    const [before, began] = [used(), performance.now()];
    await delay(SECONDS * 1000);
    const seconds = (performance.now() - began) / 1000;
    const spent = used().map((now, place) => now - before[place]);
    // Chromium keeps a renderer or two in reserve, which show nothing.
    const showing = renderers.filter((_, place) => spent[place] > 0.05);
    const sum = (all) => all.reduce((total, one) => total + one, 0);
    return [
      figure("twelve frames: connections", streams().length, "", { most: 1 }),
      figure("twelve frames: renderers, of one core", (100 * sum(spent)) / seconds, "%", { most: 10 }),
      figure("twelve frames: memory of the renderers", sum(showing.map(({ pid }) => proportional(pid))) / 1e6, "MB", { most: 250 }),
    ];
  } finally {
    await browser.close();
    await server.stop();
    await host.close();
  }
}
