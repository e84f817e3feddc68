// What happened before: over a restart, over a stretch of time, from the page.
import { readFileSync } from "node:fs";
import { get } from "../lib/http.js";
import { run, temporaryFolder } from "../lib/server.js";
import { live } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

/** The times of the points that a panel has. */
async function measured(server, panel, query) {
  const { series } = await server.panel(panel, query);
  return series[0]?.points.filter(([, value]) => value !== null).map(([time]) => time) ?? [];
}

const seconds = (count) => (times) => times.length >= count;

test("a killed server shows afterwards what it showed before, and the gap", async ({ start }) => {
  const folder = temporaryFolder();
  const server = await start({ folder });
  await until("some seconds are measured", async () => seconds(6)(await measured(server, "resources.cpu", "window=1m")));
  const before = await measured(server, "resources.cpu", "window=1m");
  const killed = Date.now();
  await server.halt("SIGKILL");
  const again = await start({ folder, port: server.port });
  await until("it measures again", async () => (await measured(again, "resources.cpu", "window=1m")).some((time) => time > killed + 1_000));
  const after = await measured(again, "resources.cpu", "window=1m");
  // The second in which it died may be lost, none before.
  const kept = before.filter((time) => time < killed - 1_000);
  expect(kept.length).toBeGreaterThan(3);
  expect(after).toEqual(expect.arrayContaining(kept));
  expect(again.log).not.toContain("cannot be read");
});

test("one data directory is one process's", async ({ start }) => {
  const folder = temporaryFolder();
  await start({ folder });
  const second = await run(["serve", "--listen", "127.0.0.1:0", "--data-dir", `${folder}/data`], { cwd: folder });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain("is in use by another Keiki: give each a --data-dir of its own");
});

test("a stretch of time has the same points as the live window", async ({ start }) => {
  const server = await start();
  await until("some seconds are measured", async () => seconds(8)(await measured(server, "resources.cpu", "window=1m")));
  const live = await server.panel("resources.cpu", "window=1m");
  const points = live.series[0].points.filter(([, value]) => value !== null);
  // Whole slots: a panel's times are where they begin.
  const [from, to] = [points[0][0], points.at(-1)[0] + 1_000];
  const past = await server.panel("resources.cpu", `from=${from}&to=${to}`);
  expect([past.from, past.to, past.step]).toEqual([from, to, 1]);
  expect(past.series[0].points).toEqual(points);
  const csv = (await get(server.url(`/panels/resources.cpu.csv?from=${from}&to=${to}`))).body.trim().split("\r\n");
  expect(csv).toHaveLength(points.length + 1);
  // The slot that is still open is there, too.
  const long = await until("ten seconds have passed", async () => {
    const long = await server.panel("resources.cpu", "window=24h");
    return long.series.length > 0 && long;
  }, { timeout: 20_000 });
  expect([long.step, long.stats.max !== null, long.to > to - 10_000]).toEqual([120, true, true]);
  expect((await get(server.url("/panels/resources.cpu.json?from=9&to=5"))).status).toBe(400);
});

test("moving in time: earlier, later, wider, now, a drag, the export", async ({ start, open }) => {
  const server = await start();
  await until("some seconds are measured", async () => seconds(15)(await measured(server, "resources.cpu", "window=1m")), { timeout: 40_000 });
  const page = await open(server.url("/groups/resources?lang=en&window=1m"));
  await live(page);
  const strip = page.locator("nav.span");
  await expect(strip.locator("p").first()).toHaveText("The newest 1 m");
  await expect(strip.getByText("Later")).toHaveAttribute("aria-disabled", "true");

  const plot = page.locator('section[data-panel="resources.cpu"] .chart .over').first();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.98, box.y + 30, { steps: 4 });
  await expect(page.locator(".zoom")).toBeVisible();
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  await live(page);
  const ends = () => ["from", "to"].map((name) => Number(new URL(page.url()).searchParams.get(name)));
  const [from, to] = ends();
  expect(to - from).toBeGreaterThanOrEqual(10_000);
  expect(to - from).toBeLessThanOrEqual(20_000);
  expect(to).toBeLessThanOrEqual(Date.now() + 1_000);
  await expect(strip.locator("p").first()).toContainText(" – ");
  await expect(page.locator('section[data-panel="resources.cpu"] [data-stat="last"]').first()).toHaveAttribute("data-value", /\d/);
  await expect(page.locator("button.live"), "the past is not live").toBeHidden();

  await strip.getByText("Export").click();
  const [download] = await Promise.all([page.waitForEvent("download"), strip.locator('a[href*="resources.cpu.csv"]').click()]);
  expect(download.suggestedFilename()).toBe("resources.cpu.csv");
  const csv = readFileSync(await download.path(), "utf8");
  expect(csv.trim().split("\r\n").length).toBe((to - from) / 1_000 + 1);

  await strip.getByText("Earlier").click();
  await live(page);
  expect(ends()).toEqual([from - (to - from), from]);
  await strip.getByText("Later").click();
  await live(page);
  await strip.getByText("Zoom out").click();
  await live(page);
  const wide = ends();
  // By key the middle half, and back.
  await page.keyboard.press("+");
  await expect.poll(() => ends()[1] - ends()[0]).toBe((wide[1] - wide[0]) / 2);
  await live(page);
  await page.goBack();
  await live(page);
  await page.goBack();
  await live(page);
  expect(ends(), "back is back").toEqual([from, to]);
  await strip.getByText("Now", { exact: true }).click();
  await expect(page).not.toHaveURL(/from=/);
  await live(page);
  await expect(page.locator("button.live")).toBeVisible();
});

for (const width of [390, 1440]) {
  test(`every window is reached and nothing overflows, ${width} px`, async ({ server, open }) => {
    const page = await open(server.url("/?lang=ja"), { viewport: { width, height: 900 } });
    for (const window of ["1h", "24h", "90d"]) {
      await page.locator(`.windows a[href*="window=${window}"]`).click();
      await expect(page).toHaveURL(new RegExp(`window=${window}`));
      await live(page);
      const { wide, bad } = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth > innerWidth,
        bad: document.querySelectorAll('section[data-panel="resources.cpu"]:is([data-state="error"], [data-state="stale"])').length,
      }));
      expect([wide, bad], window).toEqual([false, 0]);
    }
  });
}
