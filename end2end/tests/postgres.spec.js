// A real PostgreSQL under a real load, and every way in which it can fail.
import { get } from "../lib/http.js";
import { middle, nearTo, span } from "../lib/near.js";
import { freePort } from "../lib/port.js";
import { KEIKI, newPostgres } from "../lib/postgres.js";
import { cpuSeconds } from "../lib/process.js";
import { expect, test as base } from "../lib/test.js";
import { until } from "../lib/until.js";

const test = base.extend({
  /** A PostgreSQL of the test's own. */
  postgres: async ({}, use) => {
    const servers = [];
    await use(async (settings) => {
      const server = await newPostgres(settings);
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.stop();
  },
});

const near = nearTo("PostgreSQL", 0.05);

/** A panel's state and text as the page shows them. */
async function shown(server, panel) {
  const { body } = await get(server.url("/groups/database?lang=en"));
  const section = body.split("<section").find((part) => part.includes(`data-panel="${panel}"`)).split("</section>")[0];
  const text = section.replace(/<[^>]*>/g, " ").replaceAll("&#39;", "'").replaceAll("&quot;", '"').replace(/\s+/g, " ");
  return { state: section.match(/data-state="(\w+)"/)[1], text };
}

const becomes = (server, panel, state, timeout = 45_000) =>
  until(`${panel} is ${state}`, async () => {
    const found = await shown(server, panel);
    return found.state === state && found;
  }, { timeout, every: 200 });

/** Waits until a panel is in error and says so. */
const says = (server, panel, text, timeout = 45_000) =>
  until(`${panel} says ${text}`, async () => {
    const found = await shown(server, panel);
    return found.state === "error" && (text instanceof RegExp ? text.test(found.text) : found.text.includes(text));
  }, { timeout, every: 200 });

test("the database's figures follow pgbench", async ({ postgres, start, open }) => {
  test.setTimeout(150_000);
  const database = await postgres();
  await database.bench("-i", "-s", "1", "-q");
  const server = await start({ config: database.table() });
  for (const panel of ["commits", "top_statements", "locks", "size"]) await becomes(server, `database.${panel}`, "live");
  // A counter's line begins with its second reading; statements are read every five seconds.
  await until("the second reading of statements", async () => (await server.panel("database.rate", "window=1m")).stats.rate !== null, { timeout: 20_000 });
  const statements = () => Object.fromEntries(
    database.sql("SELECT query, calls, total_exec_time / 1000 FROM pg_stat_statements WHERE query LIKE 'UPDATE pgbench%'")
      .split("\n").filter(Boolean).map((line) => line.split("|")).map(([query, calls, seconds]) => [query, { calls: Number(calls), seconds: Number(seconds) }]),
  );
  const before = statements();
  const began = Date.now();
  const pid = Number(database.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'keiki'"));
  const cpu = cpuSeconds(pid);
  const load = database.bench("-c", "4", "-j", "1", "-T", "24", "-R", "400", "--random-seed", "1");
  // Keiki, pgbench's four, and nobody else.
  await until("connections as pg_stat_activity has them", async () => (await server.panel("database.connections", "window=1m")).stats.last === 5);
  const sessions = Number(database.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"));
  expect(sessions).toBe(5);
  const report = await load;
  const processed = Number(report.match(/transactions actually processed: (\d+)/)?.[1]);
  const tps = Number(report.match(/tps = ([\d.]+)/)?.[1]);
  expect(processed, report).toBeGreaterThan(1_000);
  // Sessions hand their counts over when they end; the statements' next reading comes within five seconds.
  const ended = Date.now();
  await until("the next reading of statements is published", () => Date.now() > ended + 7_500);
  const used = (cpuSeconds(pid) - cpu) / ((Date.now() - began) / 1000);
  const window = `window=${Math.ceil((Date.now() - began) / 1000) + 1}s`;
  const commits = await server.panel("database.commits", window);
  near(commits.stats.rate * span(commits, processed), processed, "transactions");
  // The whole seconds of the load, those between its first and its last one: sessions hand their counts over when it suits them.
  const { points } = commits.series.find(({ labels }) => labels.outcome === "commit");
  const rates = points.map(([, value]) => value ?? 0);
  const active = (value) => value > tps / 2;
  near(middle(rates.slice(rates.findIndex(active) + 1, rates.findLastIndex(active))), tps, "transactions per second");
  const { series: rows } = await server.panel("database.top_statements", window);
  const counted = Object.entries(statements());
  expect(counted.length).toBe(3);
  for (const [query, after] of counted) {
    const calls = after.calls - (before[query]?.calls ?? 0);
    const seconds = after.seconds - (before[query]?.seconds ?? 0);
    const table = query.match(/UPDATE (\w+)/)[1];
    const row = rows.find(({ labels }) => labels.db_query_text.startsWith(`UPDATE ${table} `));
    expect(row, table).toBeDefined();
    near(row.stats.count, calls, `${table}: calls`);
    near(row.stats.total, seconds, `${table}: time`);
    near(row.stats.mean, seconds / calls, `${table}: mean`);
  }
  console.log(`  Keiki's session takes ${(used * 100).toFixed(2)} % of a core of the server`);
  expect(used).toBeLessThan(0.005);
  const page = await open(server.url("/groups/database?lang=en"));
  await expect(page.locator('section[data-panel="database.query_time"]')).toHaveAttribute("data-state", "live");
  await expect(page.locator('section[data-panel="database.top_statements"]')).toContainText("UPDATE pgbench_accounts SET abalance = abalance + ?");
});

test("statements come without their literals", async ({ postgres, start }) => {
  const database = await postgres();
  const server = await start({ config: database.table() });
  await becomes(server, "database.top_statements", "live");
  database.sql("ALTER ROLE keiki CONNECTION LIMIT 5; CREATE ROLE bob PASSWORD 'planted-secret'; /* planted-secret */ SELECT 'planted-secret'");
  // What Keiki itself asks is counted, and is nobody's statement.
  const own = database.sql("SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%/* keiki */%pg_stat_activity%'");
  expect(Number(own)).toBeGreaterThan(0);
  const rows = () => server.panel("database.top_statements").then(({ series }) => series.map(({ labels }) => labels.db_query_text));
  await until("the statement is reported", async () => (await rows()).some((text) => text.includes("CREATE ROLE bob PASSWORD ?")), { timeout: 20_000 });
  expect(JSON.stringify(await rows())).not.toMatch(/planted|pg_stat_activity|pg_has_role|pg_stat_statements\(|statement_timeout|search_path/);
  // Another user who asks the very same is listed.
  const shared = "SELECT oid, datname::text FROM pg_database";
  expect(database.sql("SELECT query FROM pg_stat_statements WHERE query LIKE '%datname::text FROM pg_database'").trim()).toBe(shared.replace("SELECT", "SELECT /* keiki */"));
  expect(await rows()).not.toContain(shared);
  database.sql(shared);
  await until("the statement is reported", async () => (await rows()).includes(shared), { timeout: 20_000 });
  for (const path of ["/groups/database", "/metrics", "/panels/database.top_statements.json"]) {
    expect((await get(server.url(path))).body, path).not.toContain("planted");
  }
});

test("a server that was never there: every panel of it says so, the log once, pictures and data too", async ({ start }) => {
  const port = await freePort();
  const server = await start({ config: `[site]\nlanguage = "en"\n[[postgres]]\nname = "orders"\nurl = "postgresql://keiki@127.0.0.1:${port}/orders"\n` });
  // Those that a service could feed as well are no better off.
  for (const panel of ["connections", "transactions", "query_time", "commits", "locks"].map((name) => `database.${name}`)) {
    await becomes(server, panel, "error");
    const { state, error } = await server.panel(panel);
    expect([state, error.source.startsWith("postgres:orders"), error.message.includes("refused")], panel).toEqual(["error", true, true]);
    const picture = (await get(server.url(`/panels/${panel}.svg`))).body;
    expect(picture, panel).toMatch(/can’t be read \(since \d\d:\d\d:\d\d\)\.<\/text>/);
    expect(picture, panel).not.toContain("no data");
    expect((await get(server.url(`/badges/${panel}.svg`))).body, panel).toMatch(/<title>[^<]*: Error · postgres:orders[ a-z]* can’t be read/);
  }
  expect((await server.panel("resources.cpu")).error).toBeUndefined();
  await new Promise((done) => setTimeout(done, 5_000));
  const told = server.log.split("\n").filter((line) => line.includes("the source can't be read")).map((line) => JSON.parse(line));
  expect(told.length).toBe(new Set(told.map(({ source }) => source)).size);
  expect(told.find(({ source }) => source === "postgres:orders")).toMatchObject({ level: "WARN", error: expect.stringContaining("refused") });
});

test("what is the matter with a server is said, and it recovers by itself", async ({ postgres, start }) => {
  test.setTimeout(240_000);
  const database = await postgres();
  const server = await start({ config: database.table() });
  const panels = ["commits", "locks", "top_statements"].map((name) => `database.${name}`);
  for (const panel of panels) await becomes(server, panel, "live");

  await database.halt("SIGKILL");
  await says(server, panels[0], /PostgreSQL at 127\.0\.0\.1:\d+: .*refused/i);
  await database.start();
  for (const panel of panels) await becomes(server, panel, "live");

  database.signal("SIGSTOP");
  await says(server, panels[0], "no answer within 0.8 s");
  // The host's own panels go on.
  expect((await server.panel("resources.cpu", "window=1m")).stats.last).not.toBeNull();
  database.signal("SIGCONT");
  for (const panel of panels) await becomes(server, panel, "live");
  await until("one session again", () => database.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keiki'") === "1");

  const hidden = database.hold();
  database.sql("REVOKE pg_monitor FROM keiki");
  await says(server, panels[1], 'run GRANT pg_monitor TO "keiki";');
  await says(server, panels[2], 'run GRANT pg_monitor TO "keiki";');
  expect((await shown(server, panels[0])).state).toBe("live");
  await until("another user's session is counted as hidden", async () => {
    const { series } = await server.panel("database.connections", "window=1m");
    return series.some(({ labels, points }) => labels.db_client_connection_state === "hidden" && points.some(([, value]) => value > 0));
  });
  database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()");
  await hidden.ended;
  database.sql("GRANT pg_monitor TO keiki; DROP EXTENSION pg_stat_statements");
  await becomes(server, panels[1], "live");
  await says(server, panels[2], "run CREATE EXTENSION pg_stat_statements;");
  database.sql("CREATE EXTENSION pg_stat_statements");
  await becomes(server, panels[2], "live");

  database.sql("ALTER ROLE keiki PASSWORD 'another'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keiki'");
  await says(server, panels[0], "refuses Keiki's user: password authentication failed");
  database.sql(`ALTER ROLE keiki PASSWORD '${KEIKI.password}'`);
  await becomes(server, panels[0], "live");

  expect(server.log).not.toContain(KEIKI.password);
  expect(server.log).toMatch(/"INFO","message":"the source can be read again","source":"postgres:[^"]+"/);
  for (const path of ["/", "/groups/database", "/metrics", "/panels/database.commits.json"]) {
    expect((await get(server.url(path))).body, path).not.toContain(KEIKI.password);
  }
});

test("a server without a free connection is said to have none, and then watched", async ({ postgres, start }) => {
  test.setTimeout(120_000);
  const database = await postgres({ max_connections: 6, superuser_reserved_connections: 3 });
  database.sql("CREATE ROLE guest LOGIN PASSWORD 'guest'");
  // All places that are not the owner's. While the owner looks, one more is taken: then no guest may come.
  const guests = [];
  await until("three guests", () => {
    const missing = 3 - Number(database.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'guest'"));
    guests.push(...Array.from({ length: missing }, () => database.hold("guest", "guest")));
    return missing === 0;
  }, { every: 1000 });
  const server = await start({ config: database.table() });
  await says(server, "database.commits", "has no free connection");
  // A session that sleeps does not notice that its client has gone.
  database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'");
  await Promise.all(guests.map((guest) => guest.ended));
  await becomes(server, "database.commits", "live");
});

test("of two servers the one that is missing is named, on pages and walls", async ({ postgres, start, open }) => {
  test.setTimeout(120_000);
  const [one, two] = [await postgres(), await postgres()];
  const server = await start({ config: one.table("orders-db") + two.table("stock-db") });
  for (const panel of ["commits", "connections"]) await becomes(server, `database.${panel}`, "live");
  await until("both are read", async () => (await server.panel("database.connections", "window=1m")).stats.last >= 2);
  await two.halt();
  const named = () => until("the missing one is named", async () => {
    const found = await shown(server, "database.connections");
    return found.state === "live" && found.text.includes("stock-db can’t be read (since ") && found;
  }, { timeout: 45_000, every: 200 });
  expect((await named()).text).not.toContain("orders-db can’t");
  expect((await get(server.url("/panels/database.connections.svg?lang=en"))).body).toMatch(/Connections · postgres:stock-db\S* can’t be read/);
  expect((await get(server.url("/badges/database.connections.svg?lang=en"))).body).toMatch(/<title>[^<]*: \d+[^<]* ✕ · postgres:stock-db can’t be read/);
  const { state, error } = JSON.parse((await get(server.url("/panels/database.connections.json"))).body);
  expect([state, error.source]).toEqual(["live", expect.stringContaining("stock-db")]);
  // Every page's tabs tell which group it is, to eyes by a shape and to ears by a word.
  const tabs = (await open(server.url("/groups/api?lang=en"))).locator(".tabs nav");
  await expect(tabs.locator('a[href*="database"]')).toContainText("lacks a source", { timeout: 30_000 });
  await expect(tabs.locator('a[href*="database"] .shape.error')).toHaveCount(1);
  await expect(tabs.locator('a[href*="resources"]')).not.toContainText("lacks a source");
  // On a phone the reason has lines of its own, and no word is cut.
  const phone = await open(server.url("/?lang=en"), { viewport: { width: 390, height: 844 } });
  const reason = phone.locator('main section[data-panel^="database."] > header .status').first();
  await expect(reason).toContainText("stock-db");
  expect(await reason.evaluate((status) => [status, ...status.children].filter((part) => part.scrollWidth > part.clientWidth && part.clientWidth > 0).length)).toBe(0);
  const wall = await open(server.url("/kiosk?groups=database&lang=en"));
  await expect(wall.locator(".wall > footer, footer").first()).toContainText(/stock-db( statements)? can’t be read/, { timeout: 30_000 });
  await two.start();
  await until("nothing is missing", async () => !(await shown(server, "database.connections")).text.includes("can’t be read"), { timeout: 45_000, every: 200 });
  await Promise.all([one.halt(), two.halt()]);
  await says(server, "database.connections", "can’t be read");
  // At the top of the page it stands alone: what was true is not told as if it still were.
  const { body } = await get(server.url("/groups/database?lang=en"));
  const top = body.split('class="readout"')[1].split("</section>")[0];
  expect(top.match(/data-of="database.connections"[^>]*>([^<]*)</)[1]).toBe("–");
  expect(top).toContain("Error");
});
