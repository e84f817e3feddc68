// What a page shows when a part of it did not come, or fails: never something old that looks like now.
import { live } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

test.describe("without the charts' script", () => {
  test.use({ expected: { faults: [/charts did not load/, /echarts\.\w+\.js/] } });

  test("the first pictures stay, and say of when they are", async ({ server, open }) => {
    // Where there was nothing to draw there is no picture that could stay.
    await until("some points", async () => (await server.panel("resources.cpu")).series.length > 1);
    const before = (page) => page.route(/\/echarts\.\w+\.js$/, (route) => route.abort());
    const page = await open(server.url("/groups/resources?lang=en&window=1m"), { before });
    await live(page);
    const panel = page.locator('section[data-panel="resources.cpu"]');
    await expect(panel.locator("figcaption > span").first()).toContainText("as of");
    await expect(panel.locator(".chart")).toHaveAttribute("data-chart", "static");
    const axis = () => panel.locator(".over .axis").last().innerHTML();
    const frozen = await axis();
    const key = panel.locator(".keys button").first();
    await key.click();
    await expect(key).toHaveAttribute("aria-pressed", "true");
    // The clock moves on, the axis does not.
    const clock = page.locator("p.clock");
    const now = await clock.textContent();
    await expect(clock).not.toHaveText(now);
    expect(await axis()).toBe(frozen);
  });
});

test.describe("an app that fails", () => {
  test.use({ expected: { faults: [/can't go on/, /unreachable/] } });

  test("does not pass for a live one", async ({ server, open }) => {
    const page = await open(server.url("/?lang=en"));
    await live(page);
    await page.evaluate(() => {
      setTimeout(() => {
        throw new WebAssembly.RuntimeError("unreachable");
      });
    });
    await expect(page.locator("html")).toHaveAttribute("data-link", "lost");
  });
});

test("what is marked in time is drawn where it was", async ({ start, open }) => {
  const server = await start({});
  const page = await open(server.url("/groups/resources?lang=en&window=5m"));
  await live(page);
  const chart = page.locator('section[data-panel="resources.cpu"] .chart');
  await expect(chart.locator("line.mark")).toHaveCount(1);
  // All three at the same moment: they travel.
  const [line, head, plot] = await chart.evaluate((chart) =>
    ["line.mark", "svg.mark path", ".over"].map((part) => chart.querySelector(part).getBoundingClientRect().toJSON()),
  );
  expect(line.height).toBeGreaterThan(50);
  expect(Math.abs(head.x + head.width / 2 - line.x)).toBeLessThan(2);
  expect(line.x).toBeGreaterThan(plot.x + plot.width / 2);
});
