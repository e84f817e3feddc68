// Bad input: each a clear answer or a bound, and nothing falls over.
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { get } from "../lib/http.js";
import { live } from "../lib/page.js";
import { rssBytes } from "../lib/process.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const BREAKOUT = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

test("a page that can't be shown says so in the language that was asked for, or the site's", async ({ start }) => {
  const japanese = await start();
  const english = await start({ config: '[site]\nlanguage = "en"\n' });
  const told = async (server, path) => {
    const { body } = await get(server.url(path), { headers: { accept: "text/html" } });
    const [, language] = body.match(/<html lang="(..)"/);
    return [language, /[\u3040-\u9fff]/.test(body)];
  };
  for (const path of ["/nothing-here", "/groups/nothing", "/embed/nothing.here", "/?window=91d", "/kiosk?rotate=1", "/embed?height=1"]) {
    const more = path.includes("?") ? "&" : "?";
    expect(await told(japanese, path), path).toEqual(["ja", true]);
    expect(await told(english, path), path).toEqual(["en", false]);
    expect(await told(japanese, `${path}${more}lang=en`), path).toEqual(["en", false]);
    expect(await told(english, `${path}${more}lang=ja`), path).toEqual(["ja", true]);
  }
});

test("no query value becomes markup", async ({ server, open }) => {
  const value = encodeURIComponent(BREAKOUT);
  for (const query of [`service=${value}`, `host=${value}`, `token=${value}`, `unknown=${value}`]) {
    const { body, status } = await get(server.url(`/?${query}`));
    expect(status).toBeLessThan(500);
    expect(body, query).not.toContain("<script>alert");
    expect(body, query).not.toContain("<img src=x");
  }
  for (const query of [`window=${value}`, `lang=${value}`, `theme=${value}`, `sort=${value}`]) {
    const { body, status, headers } = await get(server.url(`/?${query}`));
    expect([200, 400], query).toContain(status);
    if (headers["content-type"].startsWith("text/html")) expect(body).not.toContain("<script>alert");
  }
  const page = await open(server.url(`/?service=${value}`));
  page.on("dialog", () => expect(false, "no dialog").toBe(true));
  await live(page);
  expect(await page.evaluate(() => document.querySelectorAll("img[src=x]").length)).toBe(0);
});

test("a process may be called anything", async ({ start, open }) => {
  // The kernel lets a process write its own name: markup and control bytes included.
  const busy = "require('fs').writeFileSync('/proc/self/comm', '</script><i>\\u0001\\n'); const end = Date.now() + 60_000; while (Date.now() < end);";
  const child = spawn(process.execPath, ["-e", busy], { stdio: "ignore" });
  try {
    const server = await start({ config: `[[process]]\npid = ${child.pid}\n` });
    await until("the process is among the top ones", async () => (await get(server.url("/groups/resources"))).body.includes("/script&gt;&lt;i&gt;"), {
      timeout: 30_000,
    });
    const { body } = await get(server.url("/groups/resources"));
    expect(body).not.toContain("</script><i>");
    const page = await open(server.url("/groups/resources"));
    await live(page);
    expect(await page.locator("main i:text-is('\u0001')").count()).toBe(0);
    for (const path of ["/metrics", "/panels/resources.processes.json", "/panels/resources.processes.csv", "/panels/resources.processes.svg"]) {
      expect((await get(server.url(path))).status, path).toBe(200);
    }
  } finally {
    child.kill("SIGKILL");
  }
});

test("no path leads out of the site", async ({ server }) => {
  const paths = ["/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../Cargo.toml", "/assets/..%2f..%2fCargo.toml",
    "/assets/%00", "//etc/passwd", "/panels/..%2f..%2fetc%2fpasswd.json", "/groups/%2e%2e%2f", "/\\..\\..\\etc\\passwd", "/assets/manifest.json", "/.git/config"];
  for (const path of paths) {
    const { status, body } = await get(server.url("/"), { path });
    expect([400, 404], path).toContain(status);
    expect(body).not.toMatch(/root:|\[workspace\]/);
  }
});

test("a thousand distinct queries leave the memory bounded and the page quick", async ({ start }) => {
  test.setTimeout(120_000);
  const server = await start();
  await get(server.url("/"));
  const before = rssBytes(server.pid);
  const seen = {};
  for (let count = 0; count < 1000; count += 1) {
    const { status, headers } = await get(server.url(`/?service=nobody-${count}&window=1m`), { timeout: 20_000 });
    const outcome = status === 200 ? headers["x-cache"] : String(status);
    seen[outcome] = (seen[outcome] ?? 0) + 1;
    expect([200, 503]).toContain(status);
  }
  // What is not part of the page's query does not make another page.
  const other = {};
  for (let count = 0; count < 200; count += 1) {
    const { headers } = await get(server.url(`/?nothing=${count}`));
    other[headers["x-cache"]] = (other[headers["x-cache"]] ?? 0) + 1;
  }
  expect(other.HIT, JSON.stringify(other)).toBeGreaterThan(150);
  const { milliseconds, status } = await get(server.url("/"));
  expect(status).toBe(200);
  expect(milliseconds).toBeLessThan(1000);
  expect((rssBytes(server.pid) - before) / 1e6, `MB more after ${JSON.stringify(seen)}`).toBeLessThan(150);
});

test("many methods and paths make few series", async ({ server }) => {
  const series = async () => (await get(server.url("/metrics"))).body.split("\n").filter((line) => line.includes("http_server_request_duration_seconds_count{")).length;
  await get(server.url("/unknown/first"));
  await get(server.url("/"), { method: "PURGE" });
  const before = await series();
  for (let count = 0; count < 300; count += 1) await get(server.url(`/unknown/${count}`));
  for (const method of ["PROPFIND", "MKCOL", "LOCK", "UNLOCK", "SEARCH", "REPORT"]) await get(server.url("/"), { method });
  expect(await series()).toBeLessThanOrEqual(before + 4);
});

test("large headers and addresses are refused", async ({ server }) => {
  // What is refused may be closed while it is still being sent.
  const outcome = (attempt) => attempt.then(({ status }) => status, () => "closed");
  const outcomes = [get(server.url(`/?service=${"a".repeat(100_000)}`)), get(server.url("/"), { headers: { "x-large": "a".repeat(1_000_000) } })].map(outcome);
  for (const outcome of await Promise.all(outcomes)) {
    expect([400, 413, 414, 431, "closed"]).toContain(outcome);
  }
  expect((await get(server.url("/healthz"))).status).toBe(200);
});

test("garbage on the wire ends only its own connection", async ({ server }) => {
  const pieces = ["\0\0\0\0", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n", `GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n`, "\x16\x03\x01\x02\x00\x01\x00", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
  for (const piece of pieces) {
    await new Promise((resolve) => {
      const socket = connect(server.port, "127.0.0.1", () => socket.end(piece));
      socket.on("error", resolve).on("close", resolve).resume();
    });
  }
  expect((await get(server.url("/healthz"))).status).toBe(200);
});
