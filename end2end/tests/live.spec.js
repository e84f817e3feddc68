// The page follows the server: the same figures, every second, until it is paused.
import { difference, drawnPoints } from "../lib/canvas.js";
import { get } from "../lib/http.js";
import { drawn, figures, layoutShifts, live, stats } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

/** What the server says of a panel and what the page shows, taken until both are of one tick. */
async function agree(server, page, panel, query) {
  await expect(async () => {
    const before = await stats(page, panel);
    const { stats: said } = await server.panel(panel, query);
    const after = await stats(page, panel);
    expect(after, "no tick in between").toEqual(before);
    for (const [key, value] of Object.entries(after)) expect(value, `${panel} ${key}`).toBe(said[key] ?? null);
    expect(Object.keys(after).length).toBeGreaterThan(0);
  }).toPass({ timeout: 20_000, intervals: [100] });
}

for (const [window, path] of [["1m", "/groups/resources"], ["5m", "/groups/resources"], ["15m", "/groups/resources"], ["5m", "/groups/api"], ["1m", "/groups/queue"]]) {
  test(`figures of ${path} over ${window} are those of the JSON`, async ({ server, open }) => {
    const page = await open(server.url(`${path}?window=${window}`));
    await live(page);
    const panels = await page.evaluate(() =>
      [...document.querySelectorAll('section[data-panel][data-state="live"]')].filter((panel) => panel.querySelector(".stats [data-stat]")).map(({ dataset }) => dataset.panel),
    );
    expect(panels.length).toBeGreaterThan(1);
    const first = JSON.stringify(await figures(page));
    await expect.poll(async () => JSON.stringify(await figures(page)), { timeout: 10_000 }).not.toBe(first);
    for (const panel of panels.slice(0, 6)) await agree(server, page, panel, `window=${window}`);
  });
}

test("the points drawn are those of the JSON", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?window=1m"), { viewport: { width: 1440, height: 3000 } });
  await live(page);
  await drawn(page);
  for (const panel of ["resources.memory", "resources.cpu", "resources.disk_io"]) {
    await expect(async () => {
      const one = await drawnPoints(page, panel, 60);
      const said = await server.panel(panel, "window=1m");
      expect(await drawnPoints(page, panel, 60), "no tick in between").toEqual(one);
      expect(difference(one, said), panel).toBeUndefined();
    }).toPass({ timeout: 20_000, intervals: [100] });
  }
});

test("an open data table is refreshed", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?window=1m"));
  await live(page);
  const details = page.locator('section[data-panel="resources.cpu"] details.data');
  await details.locator("summary").click();
  const times = () => details.locator("tbody th").allTextContents();
  const before = await times();
  expect(before.length).toBeGreaterThan(3);
  expect([...before].sort().reverse(), "the newest first").toEqual(before);
  await expect.poll(async () => (await times())[0], { timeout: 12_000 }).not.toBe(before[0]);
});

test("pauses and resumes", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en"));
  await live(page);
  const button = page.locator("button.live");
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  const paused = await figures(page);
  const { to } = await server.panel("resources.cpu");
  await expect.poll(async () => (await server.panel("resources.cpu")).to, { timeout: 10_000 }).toBeGreaterThan(to + 2_000);
  expect(await figures(page), "nothing moves while paused").toEqual(paused);
  await button.click();
  await expect.poll(async () => JSON.stringify(await figures(page)), { timeout: 5_000 }).not.toBe(JSON.stringify(paused));
  await agree(server, page, "resources.memory", "window=5m");
  await page.locator("main").click({ position: { x: 5, y: 5 } });
  await page.keyboard.press("Space");
  await expect(button).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("Space");
  await expect(button).toHaveAttribute("aria-pressed", "true");
});

test("windows, languages and themes are in the address", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"));
  await live(page);
  for (const [place, window] of [["1", "1m"], ["3", "15m"]]) {
    await page.locator(`nav.windows a:nth-child(${place})`).click();
    await expect(page).toHaveURL(new RegExp(`window=${window}`));
    await live(page);
    await expect(page.locator(`nav.windows a:nth-child(${place})`)).toHaveAttribute("aria-current", "true");
  }
  await page.locator('nav.lang a[hreflang="ja"]').click();
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  await live(page);
  const light = await page.evaluate(() => getComputedStyle(document.body).color);
  await page.locator("nav.theme a").nth(2).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const dark = await page.evaluate(() => getComputedStyle(document.body).color);
  expect(dark).not.toBe(light);
  await live(page);
});

test("a series is hidden and shown by its key", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en"));
  await live(page);
  await drawn(page);
  const panel = page.locator('section[data-panel="resources.cpu"]');
  const key = panel.locator(".keys button").first();
  const chart = panel.locator(".chart");
  await page.locator("button.live").click();
  const picture = async () => (await chart.screenshot()).toString("base64");
  const before = await picture();
  await key.click();
  await expect(key).toHaveAttribute("aria-pressed", "false");
  await page.mouse.move(0, 0);
  await expect.poll(picture).not.toBe(before);
  await key.click();
  await expect(key).toHaveAttribute("aria-pressed", "true");
  await page.mouse.move(0, 0);
});

test("hovering shows a crosshair in all charts and a tooltip in one, silently", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en"));
  await live(page);
  await drawn(page);
  await page.locator("button.live").click();
  const charts = page.locator('section[data-panel] .chart[data-chart="live"]');
  expect(await charts.count()).toBeGreaterThan(3);
  const [first, second] = [charts.nth(0), charts.nth(1)];
  const before = [await first.screenshot(), await second.screenshot()];
  const still = await layoutShifts(page);
  const box = await first.boundingBox();
  for (let step = 1; step < 20; step += 1) await page.mouse.move(box.x + (box.width * step) / 22, box.y + box.height / 2);
  await expect.poll(async () => (await first.screenshot()).equals(before[0])).toBe(false);
  await expect.poll(async () => (await second.screenshot()).equals(before[1]), { message: "the crosshair is shared" }).toBe(false);
  for (let place = 0; place < (await charts.count()); place += 1) await charts.nth(place).hover({ position: { x: 120, y: 40 } });
  await page.mouse.move(0, 0);
  const moved = (await layoutShifts(page)).slice(still.length).filter(({ moves }) => !moves.every((move) => move.includes("span.age")));
  expect(moved, "only ages go on").toEqual([]);
});

test("tables sort by their columns", async ({ server, open }) => {
  for (const path of ["/healthz", "/metrics", "/no-such-page", "/groups/queue"]) await get(server.url(path));
  await until("the rows are there", async () => (await server.panel("api.endpoints")).series.length > 3);
  const page = await open(server.url("/groups/api?lang=en"));
  await live(page);
  const table = page.locator('section[data-panel="api.endpoints"] table').first();
  const names = () => table.locator("tbody tr[data-series]").evaluateAll((rows) => rows.map((row) => row.dataset.series).filter(Boolean));
  const before = await names();
  expect(before.length).toBeGreaterThan(1);
  await table.locator("thead th").first().locator("a, button").first().click();
  await expect(table.locator("thead th").first()).toHaveAttribute("aria-sort", /ascending|descending/);
  await live(page);
  const sorted = await names();
  const expected = [...sorted].sort();
  expect([JSON.stringify(expected), JSON.stringify(expected.reverse())]).toContain(JSON.stringify(sorted));
});

test("the top processes stand by the figures that they show, also between two readings", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en"));
  await live(page);
  const figures = () =>
    page.evaluate(() => [...document.querySelectorAll('[data-panel="resources.processes"] tbody tr:not([hidden]) data[data-stat="last"]')].map((cell) => Number(cell.dataset.value)));
  await until("there are rows", async () => (await figures()).length > 1);
  const wrong = [];
  for (let count = 0; count < 36; count += 1) {
    const shown = await figures();
    if (shown.some((value, at) => at > 0 && value > shown[at - 1])) wrong.push(shown);
    await page.waitForTimeout(300);
  }
  expect(wrong).toEqual([]);
});

test("on a phone rows that are judged keep their names", async ({ start, open }) => {
  const server = await start({ config: '[[service]]\nname = "shop"\npreset = "s3"\n[[process]]\nname = "keiki"\n' });
  const page = await open(server.url("/groups/resources?lang=en"), { viewport: { width: 390, height: 844 } });
  await live(page);
  const name = page.locator('[data-panel="resources.watched"] tbody th').first();
  await expect(name).toHaveText("keiki");
  expect((await name.boundingBox()).width).toBeGreaterThan(100);
});
