// One panel as data or picture.
import { get } from "../lib/http.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const UNITS = ["seconds", "bytes", "ratio", "count", "per_second", "bytes_per_second"];
const KEYS = ["last", "mean", "min", "max", "p50", "p95", "p99", "rate", "ratio", "total", "count"];
/** Panels that others rely on, and their first headline key. */
const PANELS = {
  "api.latency": "p50", "api.throughput": "rate", "api.errors": "ratio", "database.query_time": "mean", "database.connections": "last",
  "cache.hit_rate": "ratio", "cache.size": "last", "resources.cpu": "last", "resources.memory": "last", "resources.disk_io": "rate",
  "queue.length": "last", "queue.run_time": "p95", "queue.rate": "rate", "users.apdex": "ratio",
};

test("every panel's JSON has the agreed shape", async ({ server }) => {
  for (const id of Object.keys(PANELS)) {
    for (const [query, step, slots] of [["window=1m", 1, 60], ["window=5m", 1, 300], ["window=15m", 3, 300]]) {
      const data = await server.panel(id, query);
      expect(Object.keys(data).sort(), id).toEqual(expect.arrayContaining(["from", "panel", "series", "stats", "step", "to", "unit"]));
      expect(data.panel).toBe(id);
      expect(UNITS).toContain(data.unit);
      expect(data.step).toBe(step);
      expect(data.to - data.from).toBe(slots * step * 1000);
      expect(Object.keys(data.stats).every((key) => KEYS.includes(key)), `${id} ${Object.keys(data.stats)}`).toBe(true);
      for (const series of data.series) {
        const wrong = series.points.filter(
          ([time, value], place) =>
            time !== data.from + place * step * 1000 || !(value === null || Number.isFinite(value)),
        );
        expect(wrong, `${id} ${JSON.stringify(series.labels)}`).toEqual([]);
        expect(series.points.length).toBe(slots);
      }
    }
  }
});

test("values are rounded as agreed", async ({ server }) => {
  for (const id of ["resources.memory_bytes", "resources.cpu", "resources.load", "resources.network"]) {
    const { series, unit } = await server.panel(id);
    const rounded = (value) => (unit === "ratio" ? Math.round(value * 1e5) / 1e5 : Number(value.toPrecision(4)));
    const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null && !Number.isInteger(value));
    expect(values.filter((value) => Math.abs(value - rounded(value)) > 1e-12 * Math.abs(value)), id).toEqual([]);
  }
});

test("CSV says the same as JSON", async ({ server }) => {
  for (const id of ["resources.cpu", "resources.network", "api.latency", "database.query_time"]) {
    await expect(async () => {
      const { to, step, series } = await server.panel(id, "window=1m");
      const csv = await get(server.url(`/panels/${id}.csv?window=1m`));
      expect(csv.headers["content-type"]).toMatch(/^text\/csv/);
      const lines = csv.body.replace(/\r\n$/, "").split("\r\n");
      expect(lines[0].split(",")[0]).toBe("unix_ms");
      const times = lines.slice(1).map((line) => Number(line.split(",")[0]));
      expect(times.at(-1), "both of one tick").toBe(to - step * 1000);
      const rows = lines.slice(1).map((line) => line.split(",").slice(1));
      series.forEach(({ points }, column) => {
        expect(times).toEqual(points.map(([time]) => time));
        expect(rows.map((row) => (row[column] === "" ? null : Number(row[column])))).toEqual(points.map(([, value]) => value));
      });
      expect(rows.every((row) => row.length === series.length)).toBe(true);
    }).toPass({ intervals: [100] });
  }
});

test("the past stays what it was", async ({ server }) => {
  const one = await server.panel("resources.cpu", "window=1m");
  const two = await until("four more ticks", async () => {
    const panel = await server.panel("resources.cpu", "window=1m");
    return panel.to >= one.to + 4_000 && panel;
  });
  for (const { labels, points } of one.series) {
    const later = new Map(two.series.find((series) => JSON.stringify(series.labels) === JSON.stringify(labels)).points);
    const shared = points.filter(([time]) => later.has(time));
    expect(shared.length).toBeGreaterThan(50);
    expect(shared).toEqual(shared.map(([time]) => [time, later.get(time)]));
  }
});

test("pictures and badges are safe SVG", async ({ server }) => {
  for (const [id, key] of Object.entries(PANELS)) {
    for (const path of [`/panels/${id}.svg`, `/badges/${id}.svg`, `/badges/${id}.svg?stat=${key}`, `/panels/${id}.svg?window=15m&lang=en&theme=dark`]) {
      const { status, headers, body } = await get(server.url(path));
      expect(status, path).toBe(200);
      expect(headers["content-type"], path).toBe("image/svg+xml");
      expect(body).toMatch(/^(<\?xml[^>]*>\s*)?<svg/);
      expect(body).not.toMatch(/<script|javascript:|\son\w+=/i);
    }
  }
});

test("the badge shows its panel's first headline figure", async ({ server, open }) => {
  const page = await open(server.url("/badges/resources.memory.svg"));
  expect(await page.evaluate(() => document.documentElement.textContent)).toMatch(/\d+(\.\d+)?\s*%/);
});

test("what cannot be shown is refused in plain words", async ({ server }) => {
  const bad = [["/panels/no.such.json", 404], ["/panels/api.latency.xml", 404], ["/badges/no.such.svg", 404], ["/panels/api.latency.json?window=91d", 400],
    ["/panels/api.latency.json?window=-1", 400], ["/panels/api.latency.json?from=9&to=1", 400], ["/panels/api.latency.json?from=x&to=y", 400],
    ["/panels/api.latency.json?from=-9223372036854775808&to=9223372036854775807", 400], ["/badges/api.latency.svg?stat=nothing", 400], ["/groups/nothing", 404]];
  for (const [path, expected] of bad) {
    const { status, body } = await get(server.url(path));
    expect(status, path).toBe(expected);
    expect(body.length, path).toBeGreaterThan(5);
  }
});
