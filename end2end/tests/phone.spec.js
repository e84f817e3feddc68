// What a narrow screen, a low frame and a wall have room for.
import { createServer } from "node:http";
import { GROUPS, live } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const PHONE = { width: 390, height: 844 };

for (const [lang, colorScheme] of [["en", "dark"], ["ja", "light"]]) {
  test(`a phone has the themes and the number of sources (${lang}), without a script too`, async ({ server, open }) => {
    for (const javaScriptEnabled of [true, false]) {
      const page = await open(server.url(`/?lang=${lang}`), { viewport: PHONE, colorScheme, javaScriptEnabled });
      const themes = page.locator("header.bar nav.theme a");
      await expect(themes).toHaveCount(3);
      for (const theme of await themes.all()) await expect(theme).toBeInViewport({ ratio: 1 });
      await expect(page.locator("header.bar .sources")).toBeInViewport({ ratio: 1 });
      await themes.nth(2).click();
      await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
      await page.close();
    }
  });
}

test("the tab of the group that is looked at is in view on a phone", async ({ server, open }) => {
  for (const group of GROUPS) {
    const page = await open(server.url(`/groups/${group}?lang=en`), { viewport: PHONE });
    await live(page);
    await expect(page.locator('.tabs nav [aria-current="page"]'), group).toBeInViewport({ ratio: 1 });
    await page.close();
  }
});

/** The names at line ends that are seen, and those of them that cover each other. */
const names = (page) =>
  page.evaluate(() => {
    const boxes = (ends) => [...ends.querySelectorAll("text")].map((text) => text.getBoundingClientRect()).filter(({ height }) => height > 0);
    const all = [...document.querySelectorAll("g.ends")].map((ends) => boxes(ends).sort((a, b) => a.top - b.top));
    // Half a pixel is the rounding of a line's height.
    const covered = (group) => group.filter((box, place) => place > 0 && box.top < group[place - 1].bottom - 0.5).length;
    return { seen: all.flat().length, covered: all.map(covered).reduce((sum, count) => sum + count, 0) };
  });

test("names at line ends never cover each other: pages, frames and walls", async ({ server, open }) => {
  // Thirteen pages, each hydrated by itself.
  test.setTimeout(120_000);
  await until("load averages", async () => (await server.panel("resources.load", "window=1m")).series.length > 2);
  const frame = "/embed/resources.load?lang=en&window=1m";
  const places = [
    ["/?lang=ja", PHONE],
    ["/groups/resources?lang=en", { width: 1440, height: 900 }],
    ...[[200, 120], [300, 180], [420, 260], [420, 345], [420, 420]].map(([width, height]) => [frame, { width, height }]),
    ...[[1920, 1080], [1280, 720], [1080, 1920]].map(([width, height]) => ["/kiosk?groups=database&rotate=20&lang=en&window=1m", { width, height }]),
    ...[[1920, 1080], [1280, 720], [1080, 1920]].map(([width, height]) => ["/kiosk?groups=api&rotate=20&lang=en&window=1m", { width, height }]),
  ];
  for (const [path, viewport] of places) {
    const page = await open(server.url(path), { viewport });
    await live(page);
    const { seen, covered } = await names(page);
    expect(covered, `${path} ${viewport.width}x${viewport.height}`).toBe(0);
    if (path.startsWith("/groups")) expect(seen).toBeGreaterThan(2);
    await page.close();
  }
});

test("a wall of one group names all lines that have no room for a name: seven queues, or one with a long name", async ({ start, open }) => {
  const page = (queues) => queues.map((queue, at) => `queue_length{queue="${queue}"} ${at + 3}\n`).join("");
  let queues = ["a", "b", "c"];
  const exporter = createServer((_, response) => response.setHeader("content-type", "text/plain").end(page(queues)));
  await new Promise((resolve) => exporter.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${exporter.address().port}/metrics`;
    const server = await start({ config: `[[scrape]]\nname = "jobs"\nurl = "${url}"\ninterval = 1\n` });
    const drawn = () => server.panel("queue.length", "window=1m").then(({ series }) => series.filter(({ points }) => points.at(-1) !== null).length);
    const wall = async (viewport) => {
      const wall = await open(server.url("/kiosk?groups=queue&rotate=20&lang=en&window=1m"), { viewport });
      await live(wall);
      return wall;
    };
    await until("three queues", async () => (await drawn()) === queues.length);
    const few = await wall({ width: 1920, height: 1080 });
    await expect(few.locator("g.ends text")).toHaveText(["c", "b", "a"]);
    await expect(few.locator(".tile figcaption")).toBeHidden();
    await few.close();
    for (const next of [["a", "b", "c", "d", "e", "f", "g"], ["a", "user-registration-mails"]]) {
      queues = next;
      await until("the queues", async () => {
        const { series } = await server.panel("queue.length", "window=1m");
        return next.every((queue) => series.some(({ labels, points }) => labels.queue === queue && points.at(-1) !== null));
      });
      for (const [width, height] of [[1920, 1080], [1080, 1920]]) {
        const page = await wall({ width, height });
        await expect(page.locator("g.ends text")).toHaveCount(0);
        const keys = page.locator(".tile .keys button");
        for (const queue of next) await expect(keys.filter({ hasText: new RegExp(`^${queue} `) })).toBeInViewport({ ratio: 1 });
        await page.close();
      }
    }
  } finally {
    exporter.close();
  }
});
