// What nothing recognises is found, drawn and kept: `/explore`, a page for every metric, and panels of one's own.
import { createServer } from "node:http";
import { drawn, live, overflowing } from "../lib/page.js";
import { get } from "../lib/http.js";
import { openStream } from "../lib/sse.js";
import { expect, test as base } from "../lib/test.js";
import { until } from "../lib/until.js";

/** A bakery's page of metrics: 10 loaves of rye and 5 of wheat a second, by its own clock. */
const test = base.extend({
  bakery: async ({}, use) => {
    const opened = Date.now();
    const server = createServer((_, response) => {
      const seconds = (Date.now() - opened) / 1000;
      response.end([
        "# TYPE bakery_loaves_total counter",
        `bakery_loaves_total{grain="rye",oven="1"} ${10 * seconds}`,
        `bakery_loaves_total{grain="wheat",oven="1"} ${2 * seconds}`,
        `bakery_loaves_total{grain="wheat",oven="2"} ${3 * seconds}`,
        "# TYPE bakery_flour_bytes gauge",
        "bakery_flour_bytes 5e9",
        "# TYPE bakery_baking_seconds histogram",
        ...[0.5, 1, "+Inf"].map((le, at) => `bakery_baking_seconds_bucket{le="${le}"} ${Math.floor(seconds) * (at + 1)}`),
        `bakery_baking_seconds_sum ${Math.floor(seconds) * 2}`,
        `bakery_baking_seconds_count ${Math.floor(seconds) * 3}`,
        "",
      ].join("\n"));
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    await use(`[[scrape]]\nname = "bakery"\nurl = "http://127.0.0.1:${server.address().port}/metrics"\ninterval = 1\n`);
    server.close();
  },
});

/** The panel, once its newest points are there. */
const filled = (server, panel, query = "window=1m") =>
  until(`${panel} has points`, async () => {
    const found = await server.panel(panel, query).catch(() => null);
    return found?.series.length > 0 && found.series.every(({ points }) => points.slice(-6, -3).every(([, value]) => value !== null)) && found;
  }, { timeout: 30_000, every: 250 });

test("a metric that nothing recognises is found, drawn and parted by a label", async ({ start, bakery, open }) => {
  test.setTimeout(90_000);
  const server = await start({ config: bakery });
  const loaves = await filled(server, "explore.bakery_loaves_total");
  expect(loaves.series.map(({ labels }) => labels)).toEqual([{ grain: "rye", oven: "1" }, { grain: "wheat", oven: "1" }, { grain: "wheat", oven: "2" }]);
  const page = await open(server.url("/explore?lang=en"));
  await page.getByRole("searchbox").fill("loaves RYE");
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Search" }).click();
  const rows = page.locator("tbody tr");
  await expect(rows).toHaveCount(1);
  await expect(rows.first()).toContainText("counter");
  await rows.first().getByRole("link", { name: "grain" }).click();
  await live(page);
  await drawn(page);
  await expect(page.locator("h2").first()).toHaveText("bakery_loaves_total · grain");
  const byGrain = await filled(server, "explore.bakery_loaves_total~grain");
  const newest = Object.fromEntries(byGrain.series.map(({ labels, points }) => [labels.grain, points.at(-4)[1]]));
  expect(newest.rye).toBeCloseTo(10, 0);
  expect(newest.wheat).toBeCloseTo(5, 0);
  // The page moves: its clock is another one a moment later, and its panel stays live.
  const clock = () => page.locator(".clock").innerText();
  const before = await clock();
  await expect.poll(clock).not.toBe(before);
  await expect(page.locator('[data-panel="explore.bakery_loaves_total~grain"]')).toHaveAttribute("data-state", "live");
  const baking = await filled(server, "explore.bakery_baking_seconds");
  expect(baking.series.map(({ labels }) => labels.stat)).toEqual(["p50", "p95", "p99"]);
  expect((await filled(server, "explore.bakery_flour_bytes")).stats.mean).toBe(5e9);
});

test("the lines that a metric's page offers keep it in a group", async ({ start, bakery, open }) => {
  test.setTimeout(90_000);
  const exploring = await start({ config: bakery });
  await filled(exploring, "explore.bakery_loaves_total");
  const page = await open(exploring.url("/explore/bakery_loaves_total?lang=en"));
  await page.locator(".keep summary").click();
  const lines = await page.locator(".keep pre").innerText();
  expect(lines).toContain('by = ["grain", "oven"]');
  const server = await start({ config: `${bakery}${lines}` });
  const kept = await filled(server, "api.bakery_loaves_total");
  expect(kept.stats.rate).toBeGreaterThan(14);
  expect(kept.stats.rate).toBeLessThan(16);
  const group = await open(server.url("/groups/api?lang=en"));
  await expect(group.locator('[data-panel="api.bakery_loaves_total"]')).toHaveAttribute("data-state", "live");
  const builder = await open(server.url("/embed?panel=api.bakery_loaves_total&lang=en"));
  await expect(builder.locator("select[name=panel]")).toHaveValue("api.bakery_loaves_total");
});

test("what is not there is told", async ({ start, open }) => {
  const server = await start({ config: '[[panel]]\nid = "queue.waffles"\ntitle = "Waffles"\nmetric = "waffles_total"\n' });
  for (const path of ["/explore/nothing", "/embed/explore.nothing", "/panels/explore.nothing.json", "/panels/api.nothing.svg"]) {
    expect((await get(server.url(path))).status, path).toBe(404);
  }
  expect((await get(server.url("/explore/nothing?lang=en"))).body).toContain("Nothing fits");
  // Of a metric that has ended, or has not come yet, a page that is open stays so.
  const stream = await openStream(server.url("/api/live?views=panel:explore.nothing@1"));
  const { data } = await stream.next();
  expect(data.panels.map(({ spec, state }) => [spec.id, state])).toEqual([["explore.nothing", "empty"]]);
  stream.close();
  expect((await get(server.url(`/explore?q=${"a".repeat(300)}`))).status).toBe(400);
  expect((await get(server.url("/explore?q=%3Cscript%3E"))).body).not.toContain("<script>");
  const page = await open(server.url("/groups/queue?lang=en"));
  await expect(page.locator('[data-panel="queue.waffles"]')).toContainText("waffles_total");
  await expect(page.locator('[data-panel="queue.waffles"]')).toHaveAttribute("data-state", "empty");
});

for (const width of [390, 1440]) {
  test(`nothing runs out of the page, ${width} px`, async ({ server, open }) => {
    for (const path of ["/explore", "/explore?q=system", "/explore/system_cpu_utilization_ratio"]) {
      for (const lang of ["ja", "en"]) {
        const page = await open(server.url(`${path}${path.includes("?") ? "&" : "?"}lang=${lang}`), { viewport: { width, height: 900 } });
        await page.waitForLoadState("load");
        expect(await overflowing(page), `${path} ${lang}`).toEqual([]);
        await page.close();
      }
    }
  });
}
