// Programs of others light up by themselves: scraped, by OpenTelemetry, through Prometheus, by StatsD.
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { get } from "../lib/http.js";
import { nearTo } from "../lib/near.js";
import { newPostgres } from "../lib/postgres.js";
import { freePort } from "../lib/port.js";
import { load, nodeExporter, prometheus, prometheusOf, redis, shop, statsd } from "../lib/services.js";
import { expect, test as base } from "../lib/test.js";
import { until } from "../lib/until.js";

const test = base.extend({
  /** Keeps what it is given until the test ends, and stops it then, the newest first. */
  running: async ({}, use) => {
    const all = [];
    await use(async (starting) => {
      const service = await starting;
      all.unshift(service);
      return service;
    });
    for (const service of all) await service.stop();
  },
});

const near = nearTo("the load", 0.02);

const sources = async (server) => JSON.parse((await get(server.url("/api/sources"))).body);
const source = async (server, name) => (await sources(server)).sources.find((one) => one.name === name);
const is = (server, panel, scope, holds, timeout = 30_000) =>
  until(`${panel} of ${scope}`, async () => {
    const found = await server.panel(panel, `window=5m&${scope}`);
    return holds(found.stats, found) && found;
  }, { timeout, every: 250 });

/** Loads a shop; its figures in Keiki agree with the load's own. */
async function agrees(server, service, scope, { quantile }) {
  const counted = async (panel) => (await server.panel(panel, `window=5m&${scope}`)).stats.count ?? 0;
  const [before, failed] = [await counted("api.throughput"), await counted("api.errors")];
  const told = await load(service, { count: 300, rate: 60 });
  await is(server, "api.throughput", scope, ({ count }) => count >= before + told.count);
  await is(server, "api.errors", scope, ({ count }) => count >= failed + told.errors);
  const throughput = await server.panel("api.throughput", `window=5m&${scope}`);
  const errors = await server.panel("api.errors", `window=5m&${scope}`);
  near(throughput.stats.count - before, told.count, "requests");
  near(errors.stats.count - failed, told.errors, "errors");
  quantile?.(await server.panel("api.latency", `window=5m&${scope}`), told);
}

test("a FastAPI service is scraped", async ({ start, running, open }) => {
  test.setTimeout(90_000);
  const service = await running(shop({ SHOP_PAGE: "1" }));
  const config = `[[scrape]]\nname = "shop"\nurl = "${service.url("/metrics")}"\ninterval = 1\ndrop = ["handler=/metrics"]\n`;
  const server = await start({ config });
  await until("the first page was read", async () => (await source(server, "scrape:shop"))?.up);
  let p95;
  await agrees(server, service, "service=shop", {
    // Its buckets end at 0.1, 0.5 and 1 s: the panel shows which one it is, and the truth lies within.
    quantile: ({ series }, told) => {
      p95 = told.p95;
      expect(series.map(({ labels }) => labels.stat)).toEqual(["p50", "p95", "p99"]);
    },
  });
  const page = await open(server.url("/groups/api?lang=en&window=5m&service=shop"));
  await expect(page.locator('[data-panel="api.latency"] [data-stat="p95"]').first()).toHaveText(p95 < 0.1 ? /^0.100\s*ms/ : /^100.500\s*ms/);
  await expect(page.locator('[data-panel="api.endpoints"] tbody th')).toContainText(["/items/{number}", "/broken", "/healthz"], { useInnerText: true });
  const told = await source(server, "scrape:shop");
  const known = told.metrics.filter(({ as }) => as).map(({ name, as }) => `${name} ${as}`);
  expect(known).toContain("http_requests_total http_server_requests_total");
  expect(known).toContain("http_request_duration_seconds http_server_request_duration_seconds");
});

test("a service's spans fill API, database, cache and users", async ({ start, running }) => {
  test.setTimeout(120_000);
  const database = await running(newPostgres());
  const cache = await running(redis());
  const server = await start({ config: "[host]\nenabled = false\n" });
  const service = await running(shop({
    ...database.environment, REDIS_PORT: String(cache.port), OTEL_SERVICE_NAME: "spans-shop", OTEL_EXPORTER_OTLP_ENDPOINT: server.url(""),
  }));
  await agrees(server, service, "service=spans-shop", {
    // The load also sees the way to the service and back.
    quantile: ({ stats }, told) => expect(Math.abs(stats.p95 / told.p95 - 1), `${stats.p95} ${told.p95}`).toBeLessThan(0.25),
  });
  const queries = await is(server, "database.statements", "service=spans-shop", (_, { series }) => series.length > 0);
  expect(queries.series.map(({ labels }) => labels.db_query_summary)).toEqual(["SELECT pg_class"]);
  await is(server, "database.rate", "service=spans-shop", ({ count }) => count >= 285);
  await is(server, "cache.get_time", "service=spans-shop", ({ p95 }) => p95 > 0);
  const apdex = await is(server, "users.apdex", "service=spans-shop", ({ ratio }) => ratio > 0.9);
  // One in twenty was an error, and nobody waited half a second.
  near(apdex.stats.ratio, 0.95, "Apdex");
  const users = await server.panel("users.table", "window=5m&service=spans-shop");
  expect(users.series.length).toBe(3);
  const all = await Promise.all(["/metrics", "/api/sources", "/groups/users?lang=en", "/groups/database?lang=en"].map(async (path) => (await get(server.url(path))).body));
  for (const secret of ["user-0", "user-1", "planted-literal"]) expect(all.join("") + server.log).not.toContain(secret);
});

test("the SDK's own metrics are believed before its spans", async ({ start, running }) => {
  test.setTimeout(90_000);
  const server = await start({ config: "[host]\nenabled = false\n" });
  const env = { OTEL_SERVICE_NAME: "both", OTEL_EXPORTER_OTLP_ENDPOINT: server.url(""), SHOP_METRICS: "1", OTEL_SEMCONV_STABILITY_OPT_IN: "http" };
  const service = await running(shop(env));
  await load(service, { count: 20, rate: 20 });
  await until("both came", async () => (await source(server, "otlp"))?.up && (await source(server, "spans"))?.up, { timeout: 20_000 });
  // With the question whether the shop is ready.
  await is(server, "api.throughput", "service=both", ({ count }) => count >= 21);
  await agrees(server, service, "service=both", {});
  const { contests } = await sources(server);
  const contest = contests.find(({ metric, subject }) => metric === "http_server_request_duration_seconds" && subject === "both");
  expect(contest).toMatchObject({ winner: "otlp", loser: "spans" });
});

test("Prometheus writes on what it reads", async ({ start, running }) => {
  test.setTimeout(120_000);
  const service = await running(shop({ SHOP_PAGE: "1" }));
  const node = await running(nodeExporter());
  const server = await start({ config: "[host]\nenabled = false\n" });
  await running(prometheus({ web: service.port, node: node.port }, server.url("/api/v1/write")));
  await until("Prometheus wrote", async () => (await source(server, "remote_write"))?.series > 100, { timeout: 30_000 });
  // A counter's growth is known from its second value on.
  await load(service, { count: 40, rate: 40 });
  const written = async () => (await source(server, "remote_write")).samples_total;
  const writtenOn = async () => {
    const before = await written();
    await until("two more readings are written", async () => (await written()) > before + 1_500, { timeout: 20_000 });
  };
  await writtenOn();
  const counts = async () => {
    const [throughput, errors] = await Promise.all(["api.throughput", "api.errors"].map((panel) => server.panel(panel, "window=5m&service=web")));
    return { requests: throughput.stats.count, errors: errors.stats.count };
  };
  const before = await counts();
  const told = await load(service, { count: 200, rate: 40 });
  await writtenOn();
  const after = await counts();
  near(after.errors - before.errors, told.errors, "errors");
  // Prometheus asks for the page, too, once a second.
  const more = after.requests - before.requests - told.count;
  expect(more).toBeGreaterThanOrEqual(0);
  expect(more).toBeLessThan(40);
  for (const panel of ["resources.cpu", "resources.memory", "resources.load", "resources.network"]) {
    await is(server, panel, "", ({ last, rate }) => (last ?? rate ?? null) !== null);
  }
});

test("a Go service with promhttp is scraped: Prometheus itself", async ({ start, running, open }) => {
  test.setTimeout(90_000);
  const service = await running(prometheusOf("scrape_configs: []\n"));
  const config = `[[scrape]]\nname = "prom"\nurl = "${service.url("/metrics")}"\ninterval = 1\ndrop = ["handler=/metrics"]\n`;
  const server = await start({ config });
  const scope = "service=prom";
  // What appears between two readings began at zero: the handler's first requests count.
  await until("the first page was read", async () => (await source(server, "scrape:prom"))?.up);
  const counted = async (panel) => (await server.panel(panel, `window=5m&${scope}`)).stats.count ?? 0;
  const [before, failed] = [await counted("api.throughput"), await counted("api.errors")];
  const told = await load({ url: () => service.url("/-/healthy") }, { count: 300, rate: 60 });
  await is(server, "api.throughput", scope, ({ count }) => count >= before + told.count);
  near((await counted("api.throughput")) - before, told.count, "requests");
  expect((await counted("api.errors")) - failed).toBe(told.errors);
  // Its first bucket ends at 0.1 s.
  expect(told.p95).toBeLessThan(0.1);
  const page = await open(server.url(`/groups/api?lang=en&window=5m&${scope}`));
  await expect(page.locator('[data-panel="api.latency"] [data-stat="p95"]').first()).toHaveText(/^0.100\s*ms/);
  await expect(page.locator('[data-panel="api.endpoints"] tbody th')).toContainText(["/-/healthy"], { useInnerText: true });
  const known = (await source(server, "scrape:prom")).metrics.filter(({ as }) => as).map(({ name, as }) => `${name} ${as}`);
  expect(known).toContain("prometheus_http_requests_total http_server_requests_total");
  expect(known).toContain("prometheus_http_request_duration_seconds http_server_request_duration_seconds");
});

test("a node_exporter's host is shown as its own figures are", async ({ start, running }) => {
  const node = await running(nodeExporter());
  const server = await start({ config: `[host]\nenabled = false\n[[scrape]]\nname = "node"\nurl = "${node.url("/metrics")}"\ninterval = 1\n` });
  const shown = await is(server, "resources.memory", "", ({ last }) => last > 0);
  const page = (await get(node.url("/metrics"))).body;
  const value = (name) => Number(page.match(new RegExp(`^${name} (.*)$`, "m"))[1]);
  const used = 1 - value("node_memory_MemAvailable_bytes") / value("node_memory_MemTotal_bytes");
  expect(Math.abs(shown.stats.last - used)).toBeLessThan(0.02);
  await is(server, "resources.cpu", "", ({ last }) => last > 0);
  await is(server, "resources.disk_space", "", ({ max }) => max > 0);
  await is(server, "resources.disk_io", "", ({ rate }) => rate !== null);
});

test("StatsD is listened to", async ({ start }) => {
  const port = await freePort();
  const server = await start({ config: `[host]\nenabled = false\n[statsd]\nlisten = "127.0.0.1:${port}"\n` });
  await until("it listens", async () => (await source(server, "statsd"))?.up);
  const request = "gunicorn.request.status.200:1|c\ngunicorn.requests:1|c\ngunicorn.request.duration:120|ms\ngunicorn.workers:4|g\n";
  await statsd(port, Array.from({ length: 50 }, () => request));
  await statsd(port, ["garbage", "x:|c", "ok:1|c|#service:other"]);
  const latency = await is(server, "api.latency", "service=statsd", ({ p95 }) => p95 > 0);
  near(latency.stats.p95, 0.12, "p95");
  await is(server, "api.throughput", "service=statsd", ({ count }) => count === 50);
  const told = await until("the others are told", async () => {
    const found = await source(server, "statsd");
    return found.refused >= 2 && found;
  });
  expect(told.last_refused.text.length).toBeGreaterThan(5);
  await until("Keiki counts them", async () => /^keiki_source_refused_total{[^}]*source="statsd"[^}]*} 2$/m.test((await get(server.url("/metrics"))).body));
  await until("what was understood of the rest counts", async () => (await source(server, "statsd")).metrics.some(({ name }) => name === "ok_total"));
});

test("a page with a mistake is refused with its line, and the source recovers", async ({ start, open }) => {
  let body = "# TYPE a counter\na_total 1\nb{x=\"1} 2\n";
  const page = createServer((_, answer) => answer.end(body));
  await new Promise((done) => page.listen(0, "127.0.0.1", done));
  const config = `[[scrape]]\nname = "odd"\nurl = "http://127.0.0.1:${page.address().port}/m?key=planted-secret"\ninterval = 1\n`;
  const server = await start({ config });
  const broken = await until("it is refused", async () => {
    const found = await source(server, "scrape:odd");
    return found?.last_error && found;
  });
  expect(broken.up).toBe(false);
  expect(broken.last_error.text).toMatch(/line 3/);
  const seen = await open(server.url("/sources?lang=en"));
  await expect(seen.locator('[data-source="scrape:odd"]')).toContainText("down");
  await expect(seen.locator('[data-source="scrape:odd"]')).toContainText("line 3");
  expect((await seen.content()) + server.log).not.toContain("planted-secret");
  body = "# TYPE a counter\na_total 1\n";
  await until("it recovers", async () => (await source(server, "scrape:odd")).up, { timeout: 20_000 });
  await new Promise((done) => page.close(done));
});

test("what is sent wrongly is refused with the reason, and nothing falls over", async ({ start }) => {
  const server = await start({ config: "[ingest]\nbody_bytes = 10000\nunpacked_bytes = 100000\nseries = 3\n" });
  const send = (path, body, headers) => fetch(server.url(path), { method: "POST", body, headers });
  const proto = { "content-type": "application/x-protobuf" };
  const json = { "content-type": "application/json" };
  const cases = [
    ["/v1/metrics", "garbage", proto, 400], ["/v1/metrics", "{", json, 400], ["/v1/metrics", "{}", { "content-type": "text/plain" }, 415],
    ["/v1/traces", "{}", { ...json, "content-encoding": "br" }, 415], ["/v1/traces", "garbage", { ...json, "content-encoding": "gzip" }, 400],
    ["/v1/traces", "x".repeat(20_000), json, 413], ["/v1/metrics", gzipSync(Buffer.alloc(1_000_000)), { ...proto, "content-encoding": "gzip" }, 413],
    ["/v1/metrics", "{}", { ...json, origin: "https://evil.example" }, 403],
    ["/api/v1/write", "garbage", { ...proto, "content-encoding": "snappy" }, 400], ["/api/v1/write", "", proto, 415],
    ["/api/v1/write", "", { "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request", "content-encoding": "snappy" }, 415],
  ];
  for (const [path, body, headers, status] of cases) {
    const answer = await send(path, body, headers);
    const text = await answer.text();
    expect(answer.status, `${path} ${JSON.stringify(headers)}: ${text}`).toBe(status);
    expect(text.length).toBeGreaterThan(10);
  }
  // One point too many for the limit: the rest counts, and the page says which label it is.
  const now = `${Date.now()}000000`;
  const point = (id) => ({ attributes: [{ key: "session", value: { stringValue: `s${id}` } }], timeUnixNano: now, asDouble: id });
  const metrics = [{ name: "sessions", unit: "1", gauge: { dataPoints: [0, 1, 2, 3, 4].map(point) } }];
  const answer = await send("/v1/metrics", JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }), json);
  expect(answer.status).toBe(200);
  const otlp = await source(server, "otlp");
  expect(otlp).toMatchObject({ series: 3, series_refused: 2, worst_label: { label: "session", values: 3 } });
  const late = await send("/v1/metrics", JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "sessions", unit: "1", gauge: { dataPoints: [{ ...point(0), timeUnixNano: "1000000000" }] } }] }] }] }), json);
  expect((await late.json()).partialSuccess.errorMessage).toContain("late");
  expect((await source(server, "otlp")).rejected).toEqual({ late: 1 });
  expect((await get(server.url("/healthz"))).status).toBe(200);
});

test("targets come and go with files", async ({ start, open }) => {
  const pages = [1, 2].map(() => createServer((_, answer) => answer.end("# TYPE a gauge\na 1\n")));
  for (const page of pages) await new Promise((done) => page.listen(0, "127.0.0.1", done));
  const [one, two] = pages.map((page) => `127.0.0.1:${page.address().port}`);
  const folder = await mkdtemp(join(tmpdir(), "keiki-targets-"));
  // As those who write such files do: whole, or not at all.
  const write = async (name, text) => {
    await writeFile(join(folder, "new"), text);
    await rename(join(folder, "new"), join(folder, name));
  };
  const groups = (...targets) => JSON.stringify([{ targets, labels: { job: "web", __metrics_path__: "/m", __scrape_interval__: "1s" } }]);
  await write("a.json", groups(one));
  const config = `[host]\nenabled = false\n[[scrape]]\nname = "web"\nfiles = ["${folder}/*.json"]\ntarget_limit = 2\n`;
  const server = await start({ config });
  const names = async () => (await sources(server)).sources.filter(({ name }) => name.startsWith("scrape:")).map(({ name, up }) => `${name} ${up}`).sort();
  const are = (what, expected) => until(what, async () => JSON.stringify(await names()) === JSON.stringify(expected), { timeout: 20_000 });
  await are("the first is read", [`scrape:web/${one} true`]);
  await write("a.json", groups(one, two, "127.0.0.1:1"));
  await are("a second one came", [`scrape:web/${one} true`, `scrape:web/${two} true`].sort());
  expect((await source(server, "files:web")).last_refused.text).toContain("target_limit");
  await write("a.json", "[{\n");
  const broken = await until("the mistake is told", async () => {
    const found = await source(server, "files:web");
    return found.up === false && found;
  }, { timeout: 20_000 });
  expect(broken.last_error.text).toMatch(/a\.json.*line 2/);
  expect((await names()).length).toBe(2);
  const page = await open(server.url("/sources?lang=en"));
  await expect(page.locator('[data-source="files:web"]')).toContainText("its former targets stay");
  await write("a.json", groups(two));
  await are("the first one went", [`scrape:web/${two} true`]);
  expect((await source(server, "files:web")).up).toBe(true);
  for (const page of pages) await new Promise((done) => page.close(done));
  await rm(folder, { recursive: true });
});

test("who sends too much is told when to come again", async ({ start, open }) => {
  const server = await start({ config: "[host]\nenabled = false\n[ingest]\nrequests_per_second = 1\n" });
  const send = () => fetch(server.url("/v1/metrics"), { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
  const answers = await Promise.all(Array.from({ length: 5 }, send));
  for (let sent = 5; sent < 16; sent += 1) answers.push(await send());
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(2);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(10);
  expect(Number(refused[0].headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect((await refused[0].json()).message).toContain("requests_per_second");
  expect((await sources(server)).slowed[0].requests).toBe(refused.length);
  await until("Keiki counts them", async () => new RegExp(`^keiki_ingest_limited_total{.*} ${refused.length}$`, "m").test((await get(server.url("/metrics"))).body));
  const page = await open(server.url("/sources?lang=en"));
  await expect(page.locator("main")).toContainText("Tokens that send too much");
});

for (const width of [390, 1440]) {
  for (const lang of ["ja", "en"]) {
    test(`the pages for those who connect something do not overflow, ${width} px, ${lang}`, async ({ start, open }) => {
      const statsdPort = await freePort();
      const long = "a-service-with-a-name-that-is-as-long-as-some-are.in-a-namespace.example.internal";
      const config = `[statsd]\nlisten = "127.0.0.1:${statsdPort}"\n[[scrape]]\nname = "${long}"\nurl = "http://127.0.0.1:1/metrics"\ninterval = 1\n`;
      const server = await start({ config });
      await until("it listens", async () => (await source(server, "statsd"))?.up);
      await statsd(statsdPort, ["gunicorn.requests:1|c", `${"x".repeat(120)}:1|c`, "garbage".repeat(20)]);
      await until("it is told", async () => (await source(server, "statsd")).refused > 0 && (await source(server, `scrape:${long}`)).last_error);
      for (const path of ["/sources", "/embed"]) {
        const page = await open(server.url(`${path}?lang=${lang}`), { viewport: { width, height: 900 } });
        await page.waitForLoadState("load");
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
        const { scrollWidth, innerWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, innerWidth }));
        expect(scrollWidth, path).toBeLessThanOrEqual(innerWidth);
      }
    });
  }
}
