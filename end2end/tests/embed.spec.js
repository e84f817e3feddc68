// Panels in other people's pages.
import { hostPage } from "../lib/host.js";
import { get } from "../lib/http.js";
import { openStreams } from "../lib/page.js";
import { freePort } from "../lib/port.js";
import { run, startServer, temporaryFolder } from "../lib/server.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const PANELS = [
  "api.latency", "api.throughput", "api.errors", "cache.hit_rate", "cache.size", "resources.cpu",
  "resources.memory", "resources.disk_io", "resources.network", "queue.length", "queue.run_time", "queue.rate",
];

/** Keiki's own address, which is a foreign one to the page around it. */
const FOREIGN = /^foreign request: http:\/\/127\.0\.0\.1:\d+\/(embed|assets|api\/live)/;

/** A page with these elements, which loads Keiki's script. */
const body = (server, elements) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Back office</title><body>
  <script src="${server.url("/embed.js")}" async></script>${elements}</body></html>`;

/** The frames of a page that show panels. */
const frames = (page) => page.frames().filter((frame) => frame.url().includes("/embed/"));

const linked = (frame) => frame.evaluate(() => document.documentElement.dataset.link);

test.describe("a host page", () => {
  test.use({ expected: { faults: [FOREIGN] } });
  let html = "";
  let host;
  test.beforeAll(async () => (host = await hostPage(() => html)));
  test.afterAll(() => host.close());

  test("twelve panels of another origin: all live, one connection; closing the one that reads loses nothing", async ({ start, open }) => {
    test.setTimeout(90_000);
    const server = await start({ config: `[embed]\norigins = ["${host.origin}"]\n` });
    html = body(server, `<div style="display:grid;grid-template-columns:repeat(4,1fr)">${PANELS.map((panel, place) => `<keiki-panel panel="${panel}" lang="en" theme="${place % 2 ? "dark" : "light"}" height="300"></keiki-panel>`).join("")}</div>`);
    let streams;
    const page = await open(host.origin, { before: (page) => (streams = openStreams(page)), viewport: { width: 1440, height: 1000 } });
    await until("twelve frames", () => frames(page).length === 12);
    for (const frame of frames(page)) await until(frame.url(), async () => (await linked(frame)) === "live");
    await until("one stream is left", () => streams().length === 1, { timeout: 15_000 });
    const [reading] = streams();
    expect(new URL(reading.url()).searchParams.get("views").split(",")).toHaveLength(12);
    const leader = new URL(reading.frame().url()).pathname.split("/").pop();
    await page.evaluate((panel) => document.querySelector(`keiki-panel[panel="${panel}"]`).remove(), leader);
    await until("another frame reads", () => streams().length === 1 && !streams().includes(reading), { timeout: 10_000 });
    for (const frame of frames(page)) {
      const newest = () => frame.evaluate(() => document.querySelector(".age").textContent);
      await until(`${frame.url()} is fresh`, async () => /^[0-3]\.\d s ago$/.test(await newest()));
      await expect.poll(() => linked(frame)).toBe("live");
    }
  });

  test("without a height a panel says how high it is; with one it fits", async ({ start, open }) => {
    const server = await start({ config: `[embed]\norigins = ["${host.origin}"]\n` });
    html = body(server, `<keiki-panel panel="resources.processes" lang="en"></keiki-panel><keiki-panel panel="resources.cpu" lang="en" height="150" style="width:220px"></keiki-panel>`);
    const page = await open(host.origin);
    await until("two frames", () => frames(page).length === 2);
    const [table, small] = ["resources.processes", "resources.cpu"].map((panel) => frames(page).find((frame) => frame.url().includes(panel)));
    await until("the table has its height", async () => {
      const wanted = await table.evaluate(() => document.getElementById("main").getBoundingClientRect().height);
      const given = await page.evaluate(() => document.querySelector("keiki-panel").getBoundingClientRect().height);
      return wanted > 250 && Math.abs(given - wanted) <= 1;
    });
    await until("the badge is live", async () => (await linked(small)) === "live");
    // The share of the CPU is known with the second reading only.
    const shown = () => small.evaluate(() => {
      const visible = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0).length;
      return { stats: visible(".stat"), charts: visible(".chart"), title: visible("h2"), state: visible(".status"), age: visible(".age"), overflows: document.documentElement.scrollHeight > innerHeight };
    });
    await expect.poll(shown).toEqual({ stats: 1, charts: 0, title: 1, state: 1, age: 1, overflows: false });
  });

  test.describe("a page of a refusal", () => {
    test.use({ expected: { faults: [FOREIGN, /answer 400|status of 400/] } });

    test("says in its frame what is wrong, and stays", async ({ start, open }) => {
      const server = await start({ config: `[embed]\norigins = ["${host.origin}"]\n` });
      html = body(server, `<keiki-panel panel="resources.cpu" lang="en" window="7y"></keiki-panel>`)
        .replace("<script", `<script>addEventListener("keiki-state", ({ detail }) => (window.state = detail.state), true)</script><script`);
      const page = await open(host.origin);
      await until("a frame", () => frames(page).length === 1);
      await expect(frames(page)[0].locator("main.fault p")).toContainText("window");
      await until("it has answered", () => page.evaluate(() => window.state === "error"));
      await expect(page.locator("keiki-panel p")).toHaveCount(0);
      await expect(frames(page)[0].locator("main.fault p")).toBeVisible();
    });
  });

  test("a panel follows the scheme of its page, and lets its ground show through", async ({ start, open }) => {
    const server = await start({ config: `[embed]\norigins = ["${host.origin}"]\n` });
    for (const scheme of ["light", "dark"]) {
      html = body(server, `<style>:root { color-scheme: ${scheme} } body { background: rgb(120, 80, 200) }</style><keiki-panel panel="resources.cpu" lang="en" ground="transparent" height="300" style="width: 640px"></keiki-panel>`);
      // No scheme that is forced upon all frames.
      const page = await open(host.origin, { colorScheme: null });
      await until("a frame", () => frames(page).length === 1);
      const [frame] = frames(page);
      await until("live", async () => (await linked(frame)) === "live");
      expect(await frame.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches)).toBe(scheme === "dark");
      const ink = await frame.evaluate(() => getComputedStyle(document.querySelector("h2")).color);
      expect(ink).toBe(scheme === "dark" ? "rgb(236, 238, 241)" : "rgb(20, 23, 27)");
      // Above the title: what is behind the panel.
      const picture = await page.locator("keiki-panel").screenshot();
      const { PNG } = await import("pngjs");
      const { data } = PNG.sync.read(picture);
      const place = 4 * (640 * 6 + 320);
      expect([...data.subarray(place, place + 3)]).toEqual([120, 80, 200]);
    }
  });

  test.describe("refused or away", () => {
    test.use({ expected: { faults: [FOREIGN, /Refused to connect because it violates/, /connect-src|request failed: csp/, /frame-ancestors/, /Refused to frame|Framing '/, /ERR_BLOCKED_BY_(RESPONSE|CSP)/, /ERR_CONNECTION_REFUSED/, /chrome-error/] } });

    test("an origin that is not allowed is refused by the browser, and the page says so", async ({ start, open }) => {
      const server = await start();
      html = body(server, `<keiki-panel panel="resources.cpu" lang="en"></keiki-panel>`);
      const page = await open(host.origin);
      const said = page.locator("keiki-panel p");
      await expect(said).toContainText("does not show this panel here", { timeout: 20_000 });
      const seen = await page.evaluate(() => {
        const element = document.querySelector("keiki-panel");
        const box = (node) => node.getBoundingClientRect();
        const sentence = box(element.shadowRoot.querySelector("p"));
        return { frame: box(element.shadowRoot.querySelector("iframe")).height, inside: sentence.bottom <= box(element).bottom && sentence.height > 15 };
      });
      expect(seen, "the sentence is seen, and not the browser's own page").toEqual({ frame: 0, inside: true });
      await expect(said).toContainText(host.origin);
    });

    test("where the page's own policy forbids to ask, no more is said than is known", async ({ start, open }) => {
      const server = await start();
      const policy = `<meta http-equiv="content-security-policy" content="connect-src 'none'">`;
      html = body(server, `<keiki-panel panel="resources.cpu" lang="en"></keiki-panel>`).replace("<title>", `${policy}<title>`);
      const page = await open(host.origin);
      await expect(page.locator("keiki-panel p")).toContainText("the policy of this page (connect-src) forbids to ask", { timeout: 20_000 });
    });

    test("a server that is away is named, and the panel comes back with it", async ({ open }) => {
      test.setTimeout(90_000);
      const port = await freePort();
      const config = `[embed]\norigins = ["${host.origin}"]\n`;
      let server = await startServer({ port, config });
      try {
        const script = (await get(server.url("/embed.js"))).body;
        await server.halt();
        html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Back office</title><body><script>${script}</script><keiki-panel src="${server.origin}/" panel="resources.cpu"></keiki-panel></body></html>`;
        const page = await open(host.origin);
        await expect(page.locator("keiki-panel p")).toContainText("can't be reached", { timeout: 20_000 });
        server = await startServer({ port, config });
        await expect(page.locator("keiki-panel p")).toHaveCount(0, { timeout: 30_000 });
        await until("live", async () => frames(page).length === 1 && (await linked(frames(page)[0])) === "live");
        // A frame that loads itself anew while nobody is there shows the browser's own page, which answers nothing.
        await server.halt();
        await frames(page)[0].evaluate(() => location.reload()).catch(() => {});
        await expect(page.locator("keiki-panel p")).toContainText("can't be reached", { timeout: 30_000 });
        server = await startServer({ port, config });
        await expect(page.locator("keiki-panel p")).toHaveCount(0, { timeout: 30_000 });
      } finally {
        await server.stop();
      }
    });
  });
});

test("a frame's policy names who may frame it, and no other page has a frame", async ({ start }) => {
  const server = await start({ config: '[embed]\norigins = ["https://admin.example.com", "https://*.example.org"]\n' });
  const policy = async (path) => (await get(server.url(path))).headers["content-security-policy"];
  expect(await policy("/embed/api.latency")).toContain("frame-ancestors 'self' https://admin.example.com https://*.example.org");
  expect(await policy("/embed/nothing.here"), "errors are seen in the frame too").toContain("frame-ancestors 'self' https://admin.example.com");
  for (const path of ["/", "/kiosk", "/groups/api", "/embed", "/sources"]) expect(await policy(path), path).toContain("frame-ancestors 'none'");
  expect((await get(server.url("/embed/nothing.here"))).status).toBe(404);
  expect((await get(server.url("/embed/api.latency?ground=blue"))).status).toBe(400);
  expect((await get(server.url("/embed.js"))).headers["cross-origin-resource-policy"]).toBe("cross-origin");
});

test("where everybody is asked both lines have a place for the token", async ({ start }) => {
  const folder = temporaryFolder();
  const { stdout } = await run(["token", "add", "pages", "--data-dir", `${folder}/data`]);
  const server = await start({ folder });
  for (const [query, address] of [["", "/embed/api.latency?token=…"], ["window=1m&", "/embed/api.latency?window=1m&amp;token=…"]]) {
    const { body } = await get(server.url(`/embed?${query}token=${stdout.trim()}`));
    const lines = body.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
    expect(lines).toContain('token="…"></keiki-panel>');
    expect(lines).toContain(`<iframe src="${server.origin}${address}"`);
  }
});

test("the page that writes the lines tells what will not work, and what to change", async ({ start, open }) => {
  const server = await start({ config: '[embed]\norigins = ["http://admin.example.com"]\n' });
  const page = await open(server.url("/embed?lang=en"));
  await page.locator("select[name=panel]").selectOption("resources.memory");
  await page.locator("select[name=theme]").selectOption("dark");
  await page.locator("input[name=page]").fill("https://admin.example.com/ops");
  await page.getByRole("button", { name: "Write and check" }).click();
  await expect(page.locator("pre").first()).toHaveText(`<script src="${server.origin}/embed.js" async></script>\n<keiki-panel panel="resources.memory" lang="en" theme="dark"></keiki-panel>`);
  for (const window of ["1h", "90d"]) {
    await page.locator("select[name=window]").selectOption(window);
    await page.getByRole("button", { name: "Write and check" }).click();
    await expect(page.locator("pre").first()).toContainText(`window="${window}"`);
    await expect(page.locator("select[name=window]")).toHaveValue(window);
  }
  await page.locator("select[name=window]").selectOption("5m");
  await page.getByRole("button", { name: "Write and check" }).click();
  const checks = page.locator(".checks li");
  await expect(checks.nth(0)).toContainText('Write origins = ["https://admin.example.com"] below [embed]');
  await expect(checks.nth(1)).toContainText("mixed content");
  await page.locator("input[name=page]").fill("http://admin.example.com/ops");
  await page.getByRole("button", { name: "Write and check" }).click();
  await expect(checks.nth(0)).toHaveAttribute("data-status", "ok");
  await expect(checks.nth(1)).toHaveAttribute("data-status", "warn");
  const frame = page.frameLocator("iframe");
  await expect(frame.locator('section[data-panel="resources.memory"]')).toBeVisible();
  await page.locator("input[name=page]").evaluate((input) => (input.type = "text"));
  await page.locator("input[name=page]").fill("javascript:alert(1)");
  await page.getByRole("button", { name: "Write and check" }).click();
  await expect(checks.nth(0)).toHaveAttribute("data-status", "bad");
});
