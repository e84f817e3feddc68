// What a page costs the browser that shows it for minutes: main thread and heap.
import { chromium } from "playwright-core";
import { setTimeout as delay } from "node:timers/promises";
import { launchOptions } from "../lib/chromium.js";
import { figure } from "../lib/figure.js";
import { drawn, live } from "../lib/page.js";

/** Seconds of work on the main thread, and bytes of its heap after a forced collection. */
async function metrics(client) {
  await client.send("HeapProfiler.collectGarbage");
  const { metrics: list } = await client.send("Performance.getMetrics");
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

/** Opens a page and gives its costs at the beginning and after every `every` seconds. */
export async function watchPage(address, seconds, every = seconds) {
  const browser = await chromium.launch(launchOptions);
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const faults = [];
    page.on("console", (message) => faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    const client = await page.context().newCDPSession(page);
    await client.send("Performance.enable");
    await page.goto(address);
    await live(page);
    await drawn(page);
    // Start-up is not what is measured.
    await delay(5_000);
    const samples = [await metrics(client)];
    for (let spent = 0; spent < seconds; spent += every) {
      await delay(every * 1000);
      samples.push(await metrics(client));
    }
    return { samples, faults };
  } finally {
    await browser.close();
  }
}

export async function browser(server, minutes = Number(process.env.BROWSER_MINUTES ?? 3)) {
  const figures = [];
  for (const [path, budget] of [["/", { most: 5 }], ["/groups/resources", {}]]) {
    const { samples, faults } = await watchPage(server.url(path), minutes * 60);
    const [first, last] = [samples[0], samples.at(-1)];
    const seconds = last.Timestamp - first.Timestamp;
    figures.push(
      figure(`${path}: main thread over ${minutes} min at 1 Hz`, (100 * (last.TaskDuration - first.TaskDuration)) / seconds, "%", budget),
      figure(`${path}: of that in scripts`, (100 * (last.ScriptDuration - first.ScriptDuration)) / seconds, "%"),
      figure(`${path}: JavaScript heap`, last.JSHeapUsedSize / 1e6, "MB"),
      figure(`${path}: heap grown over ${minutes} min`, (last.JSHeapUsedSize - first.JSHeapUsedSize) / 1e3, "KB"),
      figure(`${path}: DOM nodes grown`, last.Nodes - first.Nodes, "", { most: 50 }),
      figure(`${path}: console messages`, faults.length, "", { most: 0 }),
    );
  }
  return figures;
}
