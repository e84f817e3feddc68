// The network fails, the server restarts: the page finds back by itself, and no point is missing.
import { setTimeout as delay } from "node:timers/promises";
import { difference, drawnPoints } from "../lib/canvas.js";
import { drawn, live } from "../lib/page.js";
import { freePort } from "../lib/port.js";
import { startProxy } from "../lib/proxy.js";
import { startServer } from "../lib/server.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

/** What a browser itself prints when a connection fails or a server has only just started: a page cannot prevent it. */
const LOST = [
  /console\.error: Failed to load resource: net::ERR_/,
  /request failed: net::ERR_(CONNECTION|SOCKET|INCOMPLETE|EMPTY|NETWORK|ABORTED)\S* .*\/api\/live/,
  /console\.error: Failed to load resource: .* 503 .*\/api\/live/,
  /answer 503: .*\/api\/live/,
];

const OUTAGE = 20_000;

for (const kind of ["freeze", "reset"]) {
  test.describe(`network (${kind})`, () => {
    test.use({ expected: { faults: LOST } });

    test(`20 s without a network (${kind}): afterwards the points are those of the server`, async ({ start, open }) => {
      test.setTimeout(120_000);
      const server = await start();
      const proxy = await startProxy(server.port);
      try {
        const page = await open(`http://127.0.0.1:${proxy.port}/groups/resources?window=1m&lang=en`, {
          viewport: { width: 1440, height: 3000 },
        });
        await live(page);
        await drawn(page);
        const chart = page.locator('section[data-panel="resources.memory"]');
        proxy[kind]();
        // The outage itself: how long it lasts is what is tested.
        const until_ = performance.now() + OUTAGE;
        await expect(page.locator("html")).toHaveAttribute("data-link", /lost|connecting/, { timeout: OUTAGE });
        await expect(chart, "nothing stale looks healthy").not.toHaveAttribute("data-state", "live", { timeout: OUTAGE });
        await delay(Math.max(0, until_ - performance.now()));
        proxy.pass();
        await live(page, 15_000);
        await expect(chart).toHaveAttribute("data-state", "live");
        for (const panel of ["resources.memory", "resources.cpu", "resources.disk_io"]) {
          await expect(async () => {
            const one = await drawnPoints(page, panel, 60);
            const said = await server.panel(panel, "window=1m");
            expect(await drawnPoints(page, panel, 60), "no tick in between").toEqual(one);
            expect(difference(one, said), panel).toBeUndefined();
            const gaps = said.series.flatMap(({ points }) => points.slice(-25)).filter(([, value]) => value === null);
            expect(gaps, "the server measured on").toEqual([]);
          }).toPass({ timeout: 20_000, intervals: [100] });
        }
      } finally {
        await proxy.close();
      }
    });
  });
}

test.describe("restart", () => {
  test.use({ expected: { faults: LOST } });

  test("after a restart the page is live again within 3 s, by itself", async ({ open }) => {
    test.setTimeout(120_000);
    const port = await freePort();
    let server = await startServer({ port });
    try {
      const page = await open(server.url("/groups/resources?lang=en"));
      await live(page);
      for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"]) {
        await server.halt(signal);
        await expect(page.locator("html")).toHaveAttribute("data-link", /lost|connecting/, { timeout: 10_000 });
        await server.stop();
        server = await startServer({ port });
        const began = performance.now();
        await live(page, 10_000);
        const took = performance.now() - began;
        console.log(`  live ${took.toFixed(0)} ms after the server was ready (${signal})`);
        expect(took, signal).toBeLessThan(3_000);
        // And it is the new run's data that it shows.
        await until("the page shows the new run", async () => {
          const { stats } = await server.panel("resources.memory", "window=5m");
          const shown = await page.locator('section[data-panel="resources.memory"] [data-stat="last"]').first().getAttribute("data-value");
          return Number(shown) === stats.last;
        });
      }
    } finally {
      await server.stop();
    }
  });
});
