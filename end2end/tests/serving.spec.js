// What leaves the server: headers, encodings, caching, names of hosts.
import { execFileSync } from "node:child_process";
import { get } from "../lib/http.js";
import { PATHS } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const DOCUMENTS = [...PATHS];
const OTHERS = ["/healthz", "/readyz", "/metrics", "/panels/api.latency.json", "/panels/api.latency.svg", "/panels/api.latency.csv", "/badges/api.latency.svg", "/no-such-page"];

test("every route carries the strict, constant policy and no sniffing", async ({ server }) => {
  const policies = new Set();
  for (const path of [...DOCUMENTS, ...OTHERS]) {
    const { headers, status } = await get(server.url(path));
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["referrer-policy"], path).toBeDefined();
    expect(status, path).toBeLessThan(500);
    const policy = headers["content-security-policy"];
    expect(policy, path).toBeDefined();
    expect(policy.replace("'wasm-unsafe-eval'", ""), path).not.toMatch(/unsafe-|nonce-|sha256-|\*/);
    expect(policy, path).toMatch(/frame-ancestors 'none'/);
    if (headers["content-type"]?.startsWith("text/html") && status === 200) policies.add(policy);
  }
  expect(policies.size, "one policy for all pages").toBe(1);
});

test("pages say how they came about and can be revalidated", async ({ server }) => {
  for (const path of DOCUMENTS) {
    const first = await get(server.url(path), { headers: { "accept-encoding": "br" } });
    expect(first.status).toBe(200);
    expect(first.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(first.headers["content-encoding"]).toBe("br");
    expect(first.headers.vary ?? "").toMatch(/accept-encoding/i);
    expect(first.headers["x-cache"]).toMatch(/^(HIT|MISS)$/);
    expect(first.headers.etag).toMatch(/^(W\/)?".+"$/);
  }
  // Within one tick the second answer is a hit, and one who has it is told so.
  await until("a hit and a 304 within one tick", async () => {
    const one = await get(server.url("/"));
    const two = await get(server.url("/"));
    const three = await get(server.url("/"), { headers: { "if-none-match": two.headers.etag } });
    return two.headers["x-cache"] === "HIT" && two.body === one.body && three.status === 304 && three.raw.length === 0;
  });
});

test("speaks brotli, gzip and neither", async ({ server }) => {
  for (const path of ["/", "/groups/resources"]) {
    for (const [accepted, given] of [["br", "br"], ["gzip", "gzip"], ["gzip, deflate, br, zstd", "br"], ["identity", undefined], ["br;q=0, gzip", "gzip"]]) {
      const answer = await get(server.url(path), { headers: { "accept-encoding": accepted } });
      expect(answer.headers["content-encoding"], accepted).toBe(given);
      expect(answer.body).toMatch(/^<!doctype html>/i);
      expect(Number(answer.headers["content-length"])).toBe(answer.raw.length);
    }
  }
});

test("assets are hashed, compressed and immutable", async ({ server }) => {
  const { body } = await get(server.url("/"));
  const names = [...body.matchAll(/(?:href|src)="([^"]+\.(?:js|css|wasm|svg))"/g)].map(([, url]) => url).filter((url) => !url.includes("/panels/"));
  expect(names.length).toBeGreaterThanOrEqual(2);
  for (const name of names) {
    const answer = await get(new URL(name, server.url("/")).href, { headers: { "accept-encoding": "br" } });
    expect(answer.status, name).toBe(200);
    expect(answer.headers["cache-control"], name).toMatch(/max-age=31536000.*immutable/);
    expect(name).toMatch(/\.[0-9a-f]{8,}\./);
    if (answer.raw.length > 1000) expect(answer.headers["content-encoding"], name).toBe("br");
  }
  expect((await get(server.url(names[0].replace(/\.[0-9a-f]{12}\./, ".000000000000.")))).status).toBe(404);
});

test("HEAD answers like GET without a body", async ({ server }) => {
  for (const path of ["/", "/healthz", "/panels/resources.cpu.json"]) {
    const head = await get(server.url(path), { method: "HEAD" });
    expect(head.status, path).toBe(200);
    expect(head.raw.length).toBe(0);
  }
});

test("other methods are refused", async ({ server }) => {
  for (const method of ["POST", "PUT", "DELETE", "BREW"]) {
    const { status } = await get(server.url("/"), { method });
    expect([405, 501, 404, 400], method).toContain(status);
  }
});

test("only known names of hosts are answered", async ({ server, start }) => {
  for (const host of ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.evil.example"]) {
    for (const path of ["/", "/api/live", "/panels/api.latency.json", "/metrics"]) {
      const { status, body } = await get(server.url(path), { headers: { host } });
      expect([400, 403, 421], `${host}${path}`).toContain(status);
      expect(body).not.toContain("evil.example/");
    }
  }
  for (const host of [`localhost:${server.port}`, `127.0.0.1:${server.port}`, `[::1]:${server.port}`, "localhost"]) {
    expect((await get(server.url("/"), { headers: { host } })).status, host).toBe(200);
  }
  const other = await start({ config: '[server]\nallowed_hosts = ["keiki.example.com"]\n[access]\nopen_proxy = true\n' });
  expect((await get(other.url("/"), { headers: { host: "keiki.example.com" } })).status).toBe(200);
});

test("health, readiness and metrics", async ({ server }) => {
  expect((await get(server.url("/healthz"))).status).toBe(200);
  expect((await get(server.url("/readyz"))).status).toBe(200);
  const metrics = await get(server.url("/metrics"));
  expect(metrics.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4|^application\/openmetrics-text/);
  // Prometheus' own linter; it fails on what it cannot read and on what is badly named.
  execFileSync("promtool", ["check", "metrics"], { input: metrics.body });
});
