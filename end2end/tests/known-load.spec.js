// The figures follow a load of which a program apart knows all: they agree within 2 %.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { get } from "../lib/http.js";
import { middle, nearTo, span } from "../lib/near.js";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const SECONDS = 30;
const LOOKS = ["lang=en", "lang=ja", "lang=en&theme=dark", "lang=ja&theme=light"];
/** How many pages the load keeps alive. */
const PAGES = 2 * LOOKS.length;
// The refused page is another one each time: Keiki makes a page that two ask for at once only once.
const SCHEDULE = ["/healthz=40", "/nothing-here=6", "/?host=h#=4", ...LOOKS.flatMap((look) => [`/?${look}=5`, `/groups/resources?${look}=5`])];

const near = nearTo("load", 0.02);

/** What the series of a panel come to a second between two times. */
function rate({ series }, [first, last]) {
  const by = new Map();
  for (const { points } of series) {
    for (const [time, value] of points) if (time >= first && time < last) by.set(time, (by.get(time) ?? 0) + (value ?? 0));
  }
  return middle([...by.values()]);
}

test("API, cache and queue follow a known load within 2 %", async ({ start }) => {
  test.setTimeout(150_000);
  // Two views, both held by streams: a third one is refused with 503, which is the error of this load.
  const server = await start({ env: { KEIKI_LIMITS__VIEWS: "2" } });
  const views = ["overview@1/300", "group:resources@1/300"];
  const held = await Promise.all(views.map((view) => openStream(server.url(`/api/live?views=${encodeURIComponent(view)}`))));
  for (const stream of held) await stream.next();
  // A counter's line begins with its second sample: every route is called once before.
  for (const entry of SCHEDULE) await get(server.url(entry.slice(0, entry.lastIndexOf("="))));
  // From the next second on nothing but the load is sent until it has ended.
  // So long that the window below does not reach back to those calls.
  const quiet = Math.ceil(Date.now() / 1000) * 1000 + 4_000;
  await until("a quiet second", () => Date.now() > quiet);
  const { stdout } = await promisify(execFile)(process.execPath, ["load/send.js", server.url("/"), String(SECONDS), ...SCHEDULE]);
  const load = JSON.parse(stdout);
  expect(load.failed).toBe(0);
  held.forEach((stream) => stream.close());
  const range = [Math.floor(load.began / 1000) * 1000, Math.ceil(load.ended / 1000) * 1000];
  await until("the last second is published", () => Date.now() > range[1] + 1_500);
  // A window that holds all of the load, and besides it only the few requests for these very figures.
  const panel = (id) => until(id, () => server.panel(id, `window=${Math.ceil((Date.now() - range[0]) / 1000) + 1}s`));

  const throughput = await panel("api.throughput");
  near(throughput.stats.count, load.sent, "api.throughput count");
  near(throughput.stats.rate * span(throughput, load.sent), load.sent, "api.throughput rate × window");
  // The load's first and last second are not whole ones.
  near(rate(throughput, [range[0] + 1000, range[1] - 1000]), load.sent / SECONDS, "api.throughput points");
  const refused = load.status[503];
  expect(refused).toBe(4 * SECONDS);
  const errors = await panel("api.errors");
  near(errors.stats.count, refused, "api.errors count");
  near(errors.stats.ratio, refused / load.sent, "api.errors ratio");

  // A refused page was looked for in the cache too.
  const { HIT: hits, MISS: misses } = load.cache;
  const gets = hits + misses + refused;
  const cache = await panel("cache.hit_rate");
  near(cache.stats.ratio, hits / gets, "cache.hit_rate ratio");
  near(cache.stats.rate * span(cache, gets), gets, "cache.hit_rate gets");

  const { series } = await panel("queue.tasks");
  const render = series.find(({ labels }) => labels.task === "render").stats;
  // Pages that somebody looks at are made again each second; those of the last one, or of one in which the machine
  // stalled, the load may not have seen.
  const unseen = render.count - refused - load.bodies;
  expect(unseen).toBeGreaterThanOrEqual(0);
  expect(unseen).toBeLessThanOrEqual(2 * PAGES);
  near(render.ratio, refused / render.count, "queue.tasks render failed");
  near((await panel("queue.failures")).stats.count, refused, "queue.failures count");
});
