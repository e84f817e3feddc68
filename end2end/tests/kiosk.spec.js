// The wall: legible, one group at a time or all of them, and live again by itself whatever happened.
import { spawn } from "node:child_process";
import { GROUPS, live } from "../lib/page.js";
import { freePort } from "../lib/port.js";
import { startProxy } from "../lib/proxy.js";
import { otherBuild, startServer } from "../lib/server.js";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const WALL = { viewport: { width: 1920, height: 1080 } };
const LOST = [
  /console\.error: Failed to load resource: net::ERR_/,
  /request failed: net::ERR_(CONNECTION|SOCKET|INCOMPLETE|EMPTY|NETWORK|ABORTED)\S* /,
  /console\.error: Failed to load resource: .* 503/,
  /answer 503: /,
];

test("all groups at once: a state and a figure each, nothing to press, nothing too small", async ({ server, open }) => {
  for (const [language, viewport] of [
    ["ja", WALL.viewport],
    ["en", { width: 1280, height: 720 }],
    ["ja", { width: 1080, height: 1920 }],
  ]) {
    const page = await open(server.url(`/kiosk?lang=${language}`), { viewport });
    await live(page);
    const tiles = await page.evaluate(() => [...document.querySelectorAll("section[data-panel]")].map(({ dataset }) => dataset.panel.split(".")[0]));
    expect(tiles).toEqual(GROUPS);
    expect(await page.locator("a, button, input, select").filter({ visible: true }).count()).toBe(0);
    const faults = await page.evaluate(() => {
      const [across, down] = innerWidth < innerHeight ? [1080, 1920] : [1920, 1080];
      const k = Math.min(innerWidth / across, innerHeight / down);
      const wrong = [];
      for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        const box = element.getBoundingClientRect();
        if (!own || element.closest(".sr, script") || box.width < 2 || getComputedStyle(element).visibility === "hidden" || element.getClientRects().length === 0) continue;
        const size = Number.parseFloat(getComputedStyle(element).fontSize);
        if (size < 28 * k - 0.5) wrong.push(`${size} px: ${element.outerHTML.slice(0, 90)}`);
        if (box.right > innerWidth + 1 || box.bottom > innerHeight + 1) wrong.push(`outside: ${element.outerHTML.slice(0, 90)}`);
      }
      if (document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth) wrong.push("it scrolls");
      return wrong;
    });
    expect(faults).toEqual([]);
    await page.close();
  }
});

test("one at a time: turns by the clock, in the order that was asked for", async ({ server, open }) => {
  const page = await open(server.url("/kiosk?rotate=5&groups=queue,cache&lang=en"), WALL);
  await live(page);
  const shown = () => page.evaluate(() => [...document.querySelectorAll("section[data-panel]:not([hidden])")].map(({ dataset }) => dataset.panel));
  const seen = new Set();
  await until("both had their turn", async () => {
    const panels = await shown();
    expect(panels).toHaveLength(1);
    seen.add(panels[0]);
    return seen.size === 2;
  }, { timeout: 15_000 });
  expect([...seen].sort()).toEqual(["cache.hit_rate", "queue.length"]);
  await expect(page.locator("ol li")).toHaveCount(2);
  await expect(page.locator("ol li[aria-current]")).toHaveCount(1);
  // The chart of the group that comes is drawn.
  const chart = page.locator("section[data-panel]:not([hidden]) .chart");
  await expect(chart).toHaveAttribute("data-chart", "live");
});

test("a long window, whose events come less often than the wall turns, keeps no group from its turn", async ({ server, open }) => {
  const page = await open(server.url("/kiosk?rotate=5&groups=queue,cache&window=24h&lang=en"), WALL);
  await live(page);
  const seen = new Set();
  await until("both had their turn", async () => {
    seen.add(await page.evaluate(() => document.querySelector("section[data-panel]:not([hidden])").dataset.panel));
    return seen.size === 2;
  }, { timeout: 25_000 });
});

test("a critical group stays, with shape, word and colour", async ({ start, open }) => {
  // Two cores busy: the host's CPU passes what is allowed.
  const busy = Array.from({ length: 4 }, () => spawn(process.execPath, ["-e", "const end = Date.now() + 60_000; while (Date.now() < end);"], { stdio: "ignore" }));
  try {
    const server = await start();
    const page = await open(server.url("/kiosk?rotate=5&lang=en"), WALL);
    await live(page);
    const tile = page.locator('section[data-panel="resources.cpu"]');
    await expect(tile).toHaveAttribute("data-status", "bad", { timeout: 20_000 });
    await expect(tile).toBeVisible();
    await expect(tile.locator(".status .shape.bad")).toBeVisible();
    await expect(tile.locator(".status")).toContainText("Critical");
    await expect(page.locator("footer")).toContainText("CPU is over its limit of 80%");
    // Longer than its turn would last.
    const clock = () => page.locator(".wall time").textContent();
    const seconds = new Set();
    await until("seven seconds pass", async () => seconds.add(await clock()).size > 7 && true, { timeout: 15_000 });
    await expect(tile).toBeVisible();
  } finally {
    busy.forEach((child) => child.kill("SIGKILL"));
  }
});

test.describe("faults", () => {
  test.use({ expected: { faults: LOST } });

  test("server away, network cut: a dash, not an old figure; live again within 5 s, by itself", async ({ open }) => {
    test.setTimeout(120_000);
    const port = await freePort();
    let server = await startServer({ port });
    const proxy = await startProxy(port);
    try {
      const page = await open(`http://127.0.0.1:${proxy.port}/kiosk?lang=en`, WALL);
      await live(page);
      const cpu = page.locator('section[data-panel="resources.cpu"]');
      const figure = cpu.locator(".stat[data-lead] data");
      // A share of the CPU takes two readings.
      await expect(cpu).toHaveAttribute("data-state", "live");
      for (const cause of ["server", "network"]) {
        if (cause === "server") await server.halt("SIGKILL");
        else proxy.freeze();
        await expect(cpu).toHaveAttribute("data-state", "stale", { timeout: 20_000 });
        await expect(figure).toHaveText("—");
        if (cause === "server") {
          await server.stop();
          server = await startServer({ port });
        } else {
          proxy.pass();
        }
        const began = performance.now();
        await live(page, 20_000);
        await expect(figure).not.toHaveText("—");
        const took = performance.now() - began;
        console.log(`  live ${took.toFixed(0)} ms after the ${cause} was back`);
        expect(took).toBeLessThan(5_000);
      }
    } finally {
      await proxy.close();
      await server.stop();
    }
  });
});

test.describe("a new build", () => {
  test.use({ expected: { faults: LOST } });

  test("the wall loads itself anew, and is live within 5 s", async ({ open }) => {
    test.setTimeout(60_000);
    const port = await freePort();
    let server = await startServer({ port });
    try {
      const page = await open(server.url("/kiosk?lang=en"), WALL);
      await live(page);
      const build = async () => {
        const stream = await openStream(server.url("/api/live"));
        const { data } = await stream.next();
        stream.close();
        return data.build;
      };
      const before = await build();
      const executable = otherBuild(before, server.folder);
      await page.evaluate(() => (globalThis.keikiTest = "before"));
      const { folder } = server;
      await server.halt("SIGTERM");
      server = await startServer({ port, folder, executable });
      const began = performance.now();
      await until("the page is another", async () => (await page.evaluate(() => globalThis.keikiTest).catch(() => "going")) === undefined);
      await live(page, 20_000);
      const took = performance.now() - began;
      console.log(`  live ${took.toFixed(0)} ms after the new build was there`);
      expect(took).toBeLessThan(5_000);
      expect(await build()).not.toBe(before);
      // It is the page of that build, and stays.
      expect(await page.evaluate(() => document.documentElement.dataset.link)).toBe("live");
    } finally {
      await server.stop();
    }
  });
});

test("it never burns in", async ({ server, open }) => {
  const page = await open(server.url("/kiosk?lang=en"), {
    ...WALL,
    before: (page) => page.clock.install(),
  });
  await page.locator("main .tiles").waitFor();
  const place = () => page.evaluate(() => document.getElementById("main").style.translate);
  const places = new Set();
  for (let minute = 0; minute < 8; minute += 1) {
    await page.clock.runFor(60_000);
    places.add(await place());
  }
  expect(places.size).toBe(8);
});
