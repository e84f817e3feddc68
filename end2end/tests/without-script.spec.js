// The page is readable before any script, without it, and by a text browser.
import { get } from "../lib/http.js";
import { PATHS, overflowing } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

test("numbers, charts and data tables are in the HTML", async ({ server, open }) => {
  // A few seconds of data first, so that there is a line to draw.
  await until("some points", async () => (await server.panel("resources.cpu", "window=1m")).series[0]?.points.filter(([, value]) => value !== null).length > 3);
  const page = await open(server.url("/?lang=en"), { javaScriptEnabled: false });
  const { body } = await get(server.url("/?lang=en"));
  expect(body).toMatch(/data-stat="last"[^>]*data-value="0?\.?\d+/);
  const cpu = page.locator('section[data-panel="resources.cpu"]');
  await expect(cpu).toHaveAttribute("data-state", "live");
  await expect(cpu.locator('[data-stat="last"]').first()).toHaveText(/\d/);
  const chart = cpu.locator(".chart");
  await expect(chart).toHaveAttribute("role", "img");
  await expect(chart).toHaveAttribute("aria-label", /\S/);
  await expect(chart.locator("svg").first()).toBeVisible();
  await cpu.locator("details.data summary").click();
  const rows = cpu.locator("details.data tbody tr");
  expect(await rows.count()).toBeGreaterThan(3);
  expect(await rows.count()).toBeLessThanOrEqual(60);
  await expect(cpu.locator("details.data thead th").first()).toBeVisible();
  await expect(page.locator("html")).not.toHaveAttribute("data-link");
});

test("no page needs a script to be read", async ({ server, open }) => {
  for (const path of PATHS) {
    const page = await open(server.url(path), { javaScriptEnabled: false });
    await page.waitForLoadState("load");
    expect(await overflowing(page), path).toEqual([]);
    await expect(page.locator("h1")).toHaveCount(1);
    await expect(page.locator("main section[data-panel]").first()).toBeVisible();
    await page.close();
  }
});

test("links do without a script what the buttons do with it", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"), { javaScriptEnabled: false });
  await page.locator("nav.windows a").nth(2).click();
  await expect(page).toHaveURL(/window=15m/);
  await page.locator('nav.lang a[hreflang="ja"]').click();
  await expect(page).toHaveURL(/lang=ja/);
  await expect(page).toHaveURL(/window=15m/);
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  await page.locator("nav.theme a").nth(2).click();
  await expect(page).toHaveURL(/theme=dark/);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.locator("main h2 a").first().click();
  await expect(page).toHaveURL(/\/groups\//);
  await expect(page).toHaveURL(/window=15m/);
});
