// The figures follow a load of which a program apart knows all: they agree within 2 %.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const SECONDS = 20;
const SCHEDULE = ["/healthz=60", "/?lang=en=20", "/groups/resources?lang=en=10", "/nothing-here=6", "/api/live?views=overview%401%2F60=4"];

function near(actual, expected, what) {
  const off = Math.abs(actual - expected) / expected;
  console.log(`  ${what.padEnd(34)} load ${expected.toPrecision(5)}  Keiki ${actual.toPrecision(5)}  ${(off * 100).toFixed(2)} %`);
  expect(off, `${what}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(0.02);
}

test("API, cache and queue follow a known load within 2 %", async ({ start }) => {
  test.setTimeout(120_000);
  // Two views, both held by streams: a third one is refused with 503, which is the error of this load.
  const server = await start({ env: { KEIKI_LIMITS__VIEWS: "2" } });
  const held = await Promise.all(["overview@1/300", "group:resources@1/300"].map((view) => openStream(server.url(`/api/live?views=${encodeURIComponent(view)}`))));
  for (const stream of held) await stream.next();
  const { to: from } = await until("the opening is a slot apart", async () => {
    const panel = await server.panel("api.throughput", "window=1m");
    return panel.series.length > 0 && panel;
  });
  // Nothing else is sent from the second after `from` until the load has ended.
  await until("the next second", () => Date.now() > from + 2_500);
  const { stdout } = await promisify(execFile)(process.execPath, ["load/send.js", server.url("/"), String(SECONDS), ...SCHEDULE]);
  const load = JSON.parse(stdout);
  expect(load.failed).toBe(0);
  const [first, last] = [Math.floor(load.began / 1000) * 1000, Math.ceil(load.ended / 1000) * 1000];
  await until("the last second is published", () => Date.now() > last + 1_500);
  const range = `from=${first}&to=${last}`;
  const seconds = (last - first) / 1000;

  const throughput = await server.panel("api.throughput", range);
  near(throughput.stats.count, load.sent, "api.throughput count");
  near(throughput.stats.rate, load.sent / seconds, "api.throughput rate");
  const points = throughput.series.flatMap((series) => series.points).reduce((sum, [, value]) => sum + (value ?? 0), 0);
  near(points, load.sent, "api.throughput sum of points");
  const errors = await server.panel("api.errors", range);
  expect(load.status[503]).toBe(4 * SECONDS);
  near(errors.stats.count, load.status[503], "api.errors count");
  near(errors.stats.ratio, load.status[503] / load.sent, "api.errors ratio");

  const { HIT: hits = 0, MISS: misses = 0 } = load.cache;
  const cache = await server.panel("cache.hit_rate", range);
  near(cache.stats.ratio, hits / (hits + misses), "cache.hit_rate ratio");
  near(cache.stats.rate * seconds, hits + misses, "cache.hit_rate gets");

  const rates = await server.panel("queue.rate", range);
  console.log(`  queues ${rates.series.map(({ labels }) => JSON.stringify(labels)).join(" ")}`);
  const sums = Object.fromEntries(rates.series.map(({ labels, points }) => [labels.queue, points.reduce((sum, [, value]) => sum + (value ?? 0), 0)]));
  const rendered = sums.render;
  near(rendered, misses, "queue.rate render");
  held.forEach((stream) => stream.close());
});
