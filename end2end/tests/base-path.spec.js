// The whole app under a base path.
import { get } from "../lib/http.js";
import { PATHS, drawn, figures, live } from "../lib/page.js";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";

test.use({ serverOptions: { base: "/ops/keiki" } });

test("every page lives there, hydrates, and links stay within", async ({ server, open }) => {
  const page = await open(server.url("/"));
  await live(page);
  await drawn(page);
  for (const path of PATHS) {
    const response = await page.goto(server.url(path));
    expect(response.status()).toBe(200);
    await live(page);
    const links = await page.evaluate(() => [...document.querySelectorAll("a[href], link[href], script[src]")].map((link) => link.getAttribute("href") ?? link.getAttribute("src")));
    for (const link of links) {
      const { origin, pathname } = new URL(link, page.url());
      if (origin === server.origin) expect(pathname, link).toMatch(/^\/ops\/keiki(\/|$)/);
    }
  }
});

test("numbers move there", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources"));
  await live(page);
  const before = JSON.stringify(await figures(page));
  await expect.poll(async () => JSON.stringify(await figures(page)), { timeout: 5_000 }).not.toBe(before);
});

test("all routes are there, and nothing is outside", async ({ server }) => {
  for (const path of ["/healthz", "/readyz", "/metrics", "/panels/resources.cpu.json", "/badges/resources.cpu.svg"]) {
    expect((await get(server.url(path))).status, path).toBe(200);
  }
  const stream = await openStream(server.url("/api/live"));
  expect((await stream.next()).event).toBe("snapshot");
  stream.close();
  expect((await get(`${server.origin}/`)).status).toBe(404);
  expect((await get(`${server.origin}/api/live`)).status).toBe(404);
  const bare = await get(`${server.origin}/ops/keiki`);
  expect([200, 301, 302, 307, 308]).toContain(bare.status);
  if (bare.status >= 300) expect(bare.headers.location).toBe("/ops/keiki/");
});
