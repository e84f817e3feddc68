// Who is let in: every route, from here and from elsewhere, with all kinds of tokens; and no secret is told to anybody.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import tls from "node:tls";
import { bareProxy } from "../lib/bare-proxy.js";
import { newCertificate } from "../lib/certificate.js";
import { get } from "../lib/http.js";
import { live } from "../lib/page.js";
import { freePort } from "../lib/port.js";
import { binary, run, temporaryFolder } from "../lib/server.js";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";
import { until, within } from "../lib/until.js";

const PASSWORD = "planted-password-7Q";
const HTML = { accept: "text/html,application/xhtml+xml" };

/** What every address demands. The router's table is in server/src/web/router.rs: a new route gets a line here. */
const ROUTES = {
  open: ["/healthz", "/readyz", "/favicon.svg", "/embed.js", "/login"],
  closed: [
    "/", "/groups/api", "/groups/nothing", "/kiosk", "/embed", "/embed/api.latency", "/panels/api.latency.json", "/panels/api.latency.svg", "/api/annotations", "/sources", "/api/sources", "/explore", "/explore/system_cpu_utilization_ratio",
    "/badges/api.latency.svg", "/metrics", "/api/live", "/v1/metrics", "/v1/traces", "/api/v1/write", "/nothing-here", "/loginx", "/healthz/x",
  ],
};

/** The line that `keiki hash-password` prints. */
async function passwordHash(password = PASSWORD) {
  const child = spawn(binary, ["hash-password"], { stdio: ["pipe", "pipe", "pipe"] });
  let line = "";
  child.stdout.on("data", (chunk) => (line += chunk));
  child.stdin.end(`${password}\n`);
  await within("keiki hash-password", 10_000, new Promise((done) => child.once("close", done)));
  return line;
}

async function addToken(folder, name, paths = [], more = []) {
  const { code, stdout, text } = await run(["token", "add", name, "--data-dir", `${folder}/data`, ...paths.flatMap((path) => ["--path", path]), ...more]);
  expect(code, text).toBe(0);
  return stdout.trim();
}

/** Lets a token's time be over. */
function expire(folder, name) {
  const file = `${folder}/data/tokens.json`;
  const contents = JSON.parse(readFileSync(file, "utf8"));
  contents.tokens.find((token) => token.name === name).expires = Date.now() - 1;
  writeFileSync(file, JSON.stringify(contents));
}

const statusOf = async (server, path, headers = {}) => (await get(server.url(path), { headers })).status;

test("every route says what it demands, with no, wrong, expired, revoked and foreign tokens", async ({ start }) => {
  const folder = temporaryFolder();
  const all = await addToken(folder, "all");
  const revoked = await addToken(folder, "revoked");
  const expired = await addToken(folder, "expired", [], ["--days", "1"]);
  expire(folder, "expired");
  const embed = await addToken(folder, "embed", ["/embed/api.latency"]);
  const server = await start({ folder });
  expect((await run(["token", "revoke", "revoked", "--data-dir", `${folder}/data`])).code).toBe(0);
  for (const path of ROUTES.open) expect(await statusOf(server, path), path).toBe(200);
  const { status: asset } = await get(server.url((await get(server.url("/login"))).body.match(/href="([^"]*\.css)"/)[1]));
  expect(asset).toBe(200);
  // No second before it is looked at again.
  await until("the revoked token is refused", async () => (await statusOf(server, `/?token=${revoked}`)) === 401);
  for (const path of ROUTES.closed) {
    for (const [what, token] of Object.entries({ none: undefined, wrong: `keiki_${"0".repeat(64)}`, garbage: "%00%ff", expired, revoked })) {
      expect(await statusOf(server, token ? `${path}?token=${token}` : path), `${path} ${what}`).toBe(401);
      if (token && what !== "garbage") expect(await statusOf(server, path, { authorization: `Bearer ${token}` }), `${path} bearer ${what}`).toBe(401);
    }
    const foreign = path === "/embed/api.latency" ? 200 : 403;
    expect(await statusOf(server, `${path}?token=${embed}`), `${path} with the token of an embed`).toBe(foreign);
    if (path !== "/api/live") expect([200, 404, 405], path).toContain(await statusOf(server, `${path}?token=${all}`));
    if (path !== "/api/live") expect([200, 404, 405], path).toContain(await statusOf(server, path, { authorization: `Bearer ${all}` }));
  }
  // Who may look at everything was given no leave to send.
  const sender = await addToken(folder, "sender", ["/v1/*"]);
  const send = async (path, token) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return (await fetch(server.url(path), { method: "POST", headers, body: "{}" })).status;
  };
  await until("the sender's token holds", async () => (await send("/v1/metrics", sender)) === 200);
  expect(await send("/v1/traces", sender)).toBe(200);
  expect(await send("/api/v1/write", sender)).toBe(403);
  expect(await send("/v1/metrics", all)).toBe(403);
  expect(await statusOf(server, "/sources", { authorization: `Bearer ${sender}` })).toBe(403);
  expect((await run(["token", "revoke", "sender", "--data-dir", `${folder}/data`])).code).toBe(0);
  await until("the sender's token is revoked", async () => (await send("/v1/metrics", sender)) === 401);
  // A name written in another way is no way around.
  const wall = await addToken(folder, "wall", ["/kiosk"]);
  await until("the new token holds", async () => (await statusOf(server, `/kiosk?token=${wall}`)) === 200);
  for (const query of ["v%69ews=group:database@1", "[views]=group:database@1", "views%5B%5D=group:database@1", "views[]=panel:api.latency@1"]) {
    expect(await statusOf(server, `/api/live?token=${wall}&${query}`), query).toBe(403);
  }
  // Only what reads may have its token in the address.
  expect((await get(server.url(`/?token=${all}`), { method: "POST" })).status).toBe(401);
  // The stream: exactly that panel's view.
  const view = (views) => `/api/live?views=${encodeURIComponent(views)}&token=${embed}`;
  const stream = await openStream(server.url(view("panel:api.latency@1/300")));
  expect((await stream.next()).event).toBe("snapshot");
  // In every window of its page, and at no other resolution.
  for (const window of ["5/3600", "120/86400"]) {
    const longer = await openStream(server.url(view(`panel:api.latency@${window}`)));
    expect((await longer.next()).event, window).toBe("snapshot");
    longer.close();
  }
  for (const views of ["panel:api.latency@1/3600", "overview@1", "panel:api.errors@1", "panel:api.latency@1,overview@1", "group:api@1", ""]) {
    expect(await statusOf(server, view(views)), views).toBe(403);
  }
  // A stream ends with its token.
  expect((await run(["token", "revoke", "embed", "--data-dir", `${folder}/data`])).code).toBe(0);
  await within("the stream ends", 10_000, (async () => {
    while ((await stream.next()) !== null);
  })());
  const { stdout } = await run(["token", "list", "--data-dir", `${folder}/data`]);
  expect(stdout).toBe("all\t/*\tfor good\nexpired\t/*\texpired\nwall\t/kiosk\tfor good\n");
  const again = await run(["token", "add", "all", "--data-dir", `${folder}/data`]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('there is a token named "all" already');
});

test("a password: log in, go on where one wanted to, log out; guessing is slowed down", async ({ start, open }) => {
  const server = await start({ config: `[access]\n${await passwordHash()}` });
  const page = await open(server.url("/groups/resources?window=1m&lang=en"));
  await expect(page).toHaveURL(/\/login\?next=/);
  await expect(page.locator("input[name=password]")).toBeFocused();
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("button").click();
  await expect(page).toHaveURL(server.url("/groups/resources?window=1m&lang=en"));
  await live(page);
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ name: "keiki_session", httpOnly: true, sameSite: "Lax", path: "/" });
  // A cookie of one's own making is none.
  const forged = `keiki_session=${Date.now() + 1e9}.${"ab".repeat(32)}`;
  expect(await statusOf(server, "/", { cookie: forged })).toBe(401);
  expect(await statusOf(server, "/", { cookie: `keiki_session=${cookie.value}` })).toBe(200);
  const stream = await openStream(server.url("/api/live"), { headers: { cookie: `keiki_session=${cookie.value}` } });
  expect((await stream.next()).event).toBe("snapshot");
  await page.goto(server.url("/login?lang=en"));
  await page.locator("button").click();
  await expect(page).toHaveURL(/\/login\?lang=en$/);
  // Logging out ends the login itself: what it had open, and a copy of its cookie.
  expect(await statusOf(server, "/", { cookie: `keiki_session=${cookie.value}` })).toBe(401);
  await within("the stream ends", 10_000, (async () => {
    while ((await stream.next()) !== null);
  })());
  await page.goto(server.url("/"));
  await expect(page).toHaveURL(/\/login\?next=/);

  const post = (body, headers = {}) => get(server.url("/login"), { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", ...headers }, body });
  // A page of another site can't send the form.
  expect((await post(`password=${PASSWORD}`, { origin: "http://evil.example" })).status).toBe(403);
  const entered = await post(`password=${PASSWORD}`, { origin: server.origin });
  expect(entered.status).toBe(303);
  const [inside] = String(entered.headers["set-cookie"]).split(";");
  expect((await post(`password=${PASSWORD}&next=//evil.example`)).headers.location).toBe("/");
  expect((await post("x".repeat(10_000))).status).toBe(400);
  const tries = [];
  for (let count = 0; count < 8; count += 1) tries.push((await post(`password=wrong-${count}`)).status);
  expect(tries.filter((status) => status === 401).length).toBeLessThanOrEqual(5);
  expect(tries.at(-1)).toBe(429);
  const refused = await post(`password=${PASSWORD}`);
  expect(refused.status, "the right one has to wait, too").toBe(429);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  // Who is inside stays there.
  expect(await statusOf(server, "/", { cookie: inside })).toBe(200);
});

test("a proxy's word counts only from its address; beside Keiki nobody is trusted", async ({ start }) => {
  const proxied = (addresses) => `[server]\nallowed_hosts = ["keiki.example.com"]\n[access]\nproxy_header = "X-Forwarded-User"\nproxy_addresses = ${JSON.stringify(addresses)}\n`;
  const headers = { host: "keiki.example.com", "x-forwarded-user": "ann" };
  const near = await start({ config: proxied(["127.0.0.0/8"]) });
  expect(await statusOf(near, "/", headers)).toBe(200);
  expect(await statusOf(near, "/", { host: "keiki.example.com" }), "no user").toBe(401);
  expect(await statusOf(near, "/", { ...headers, "x-forwarded-user": "" }), "an empty one").toBe(401);
  // Behind a proxy one reader's guesses do not keep another one out.
  const guesses = await start({ config: `[access]\n${await passwordHash()}proxy_addresses = ["127.0.0.1"]\n` });
  const guess = (from, password) => get(guesses.url("/login"), { method: "POST", headers: { "x-forwarded-for": `9.9.9.9, ${from}` }, body: `password=${password}` });
  let status = 0;
  for (let count = 0; count < 8; count += 1) ({ status } = await guess("203.0.113.1", "wrong"));
  expect(status).toBe(429);
  expect((await guess("203.0.113.2", PASSWORD)).status).toBe(303);
  const far = await start({ config: proxied(["10.99.0.1"]) });
  expect(await statusOf(far, "/", headers), "from another address").toBe(401);
  expect(await statusOf(far, "/"), "from this machine").toBe(401);
});

test("beyond loopback nobody comes in unasked, and Keiki does not start without a way to ask", async ({ start }) => {
  const outside = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  const port = await freePort();
  const bare = await run(["check", "--listen", "0.0.0.0:3000"], { cwd: temporaryFolder() });
  expect(bare.code).toBe(1);
  expect(bare.stderr).toContain("nobody would be asked who they are");
  // The last token is revoked: nobody comes in, instead of everybody.
  const last = temporaryFolder();
  await addToken(last, "only");
  expect((await run(["token", "revoke", "only", "--data-dir", `${last}/data`])).code).toBe(0);
  const lastPort = await freePort();
  expect(await statusOf(await start({ folder: last, port: lastPort, args: ["--listen", `0.0.0.0:${lastPort}`] }), "/")).toBe(401);
  const folder = temporaryFolder();
  const token = await addToken(folder, "wall", ["/kiosk"]);
  const server = await start({ folder, port, args: ["--listen", `0.0.0.0:${port}`] });
  for (const address of ["127.0.0.1", outside].filter(Boolean)) {
    const at = (path) => get(`http://${address}:${port}${path}`);
    expect((await at("/kiosk")).status, address).toBe(401);
    const shown = await at(`/kiosk?token=${token}`);
    expect(shown.status, address).toBe(200);
    expect(shown.headers["referrer-policy"]).toBe("no-referrer");
    expect(shown.body).not.toContain(token);
    expect((await at(`/?token=${token}`)).status, address).toBe(403);
  }
  expect((await get(server.url("/kiosk"), { headers: { host: "evil.example" } })).status, "a name of another site").toBe(421);
});

test("on loopback tokens decide whether anybody is asked, as they come and go", async ({ start }) => {
  const folder = temporaryFolder();
  // Two processes share a folder only where neither keeps a history in it.
  const env = { KEIKI_HISTORY__ENABLED: "false" };
  const server = await start({ folder, env });
  expect(await statusOf(server, "/")).toBe(200);
  const stream = await openStream(server.url("/api/live?views=overview@1"));
  expect((await stream.next()).event).toBe("snapshot");
  const { stdout, stderr } = await run(["token", "add", "prom", "--path", "/metrics", "--data-dir", `${folder}/data`], { cwd: folder });
  expect(stderr).toContain("No password is configured (there is no keiki.toml here)");
  expect(stderr).toContain("only tokens open it");
  await until("everybody is asked", async () => (await statusOf(server, "/")) === 401);
  await within("a stream that nobody was asked for ends", 5_000, (async () => {
    while ((await stream.next()) !== null);
  })());
  expect(await statusOf(server, `/metrics?token=${stdout.trim()}`)).toBe(200);
  const told = (await get(server.url("/groups/api?lang=en"), { headers: HTML })).body;
  expect(told).toContain("This Keiki has no password: open it with ?token=… in the address, or set a password with keiki hash-password.");
  expect((await get(server.url("/login?lang=en"))).body).toContain("This Keiki has no password.");
  // A restart changes nothing, nor does time: what has expired still keeps people out.
  expire(folder, "prom");
  expect(await statusOf(await start({ folder, env }), "/")).toBe(401);
  expect(await statusOf(server, "/")).toBe(401);
  // Nobody knows what a spoilt file holds.
  const file = `${folder}/data/tokens.json`;
  const kept = readFileSync(file);
  writeFileSync(file, "garbage");
  await until("the file is looked at", async () => server.log.includes("no token holds until this is mended"));
  expect(await statusOf(server, "/")).toBe(401);
  writeFileSync(file, kept);
  expect((await run(["token", "revoke", "prom", "--data-dir", `${folder}/data`])).code).toBe(0);
  await until("nobody is asked any more", async () => (await statusOf(server, "/")) === 200);
  const lines = (text) => server.log.split(text).length - 1;
  expect([lines("everybody is asked, and only tokens open Keiki"), lines("nobody on this machine is asked")]).toEqual([1, 1]);
});

test("who can log in is not warned of tokens", async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/keiki.toml`, `[access]\n${await passwordHash()}`);
  const { code, stderr } = await run(["token", "add", "prom", "--data-dir", `${folder}/data`], { cwd: folder });
  expect(code).toBe(0);
  expect(stderr).not.toContain("password");
  const none = await run(["token", "add", "brief", "--days", "0", "--data-dir", `${folder}/data`], { cwd: folder });
  expect(none.code).toBe(1);
  expect(none.stderr).toContain("--days 0 makes a token that opens nothing");
  expect((await run(["token", "add", "year", "--days", "365", "--data-dir", `${folder}/data`], { cwd: folder })).code).toBe(0);
  const { stdout } = await run(["token", "list", "--data-dir", `${folder}/data`]);
  expect(stdout).toBe("prom\t/*\tfor good\nyear\t/*\t365 days left\n");
});

for (const [width, height] of [[390, 844], [1440, 900]]) {
  test(`who is inside can log out from every page, ${width} px`, async ({ start, open }) => {
    const server = await start({ config: `[access]\n${await passwordHash()}` });
    const page = await open(server.url("/login?lang=en&next=%2F%3Flang%3Den"), { viewport: { width, height } });
    // The page itself puts the focus there, and says so where somebody else was first.
    await expect(page.locator("input[name=password]")).toBeFocused();
    await page.locator("input[name=password]").fill(PASSWORD);
    await page.locator("button").click();
    await live(page);
    const out = page.getByRole("button", { name: "Log out" });
    await expect(out).toBeVisible();
    const shape = await page.evaluate(() => {
      const foot = document.querySelector(".foot").getBoundingClientRect();
      const main = document.querySelector("main").getBoundingClientRect();
      const { scrollWidth, scrollHeight } = document.documentElement;
      return { below: foot.top >= main.bottom, wide: scrollWidth > innerWidth, long: scrollHeight > innerHeight };
    });
    expect(shape.below && !shape.wide).toBe(true);
    // Where the overview fills its window it still does.
    if (width === 1440) expect(shape.long).toBe(false);
    for (const path of ["/kiosk", "/embed/api.latency"]) {
      const { body } = await get(server.url(path), { headers: { cookie: (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ") } });
      expect(body, path).not.toContain("logout");
    }
    await page.goto(server.url("/groups/resources?lang=en"));
    await live(page);
    await out.click();
    await expect(page).toHaveURL(/\/login\?lang=en$/);
    expect(await page.context().cookies()).toEqual([]);
  });
}

test("a wall with a token is live, and says so when the token ends", async ({ start, open }) => {
  const folder = temporaryFolder();
  const token = await addToken(folder, "wall", ["/kiosk"]);
  const server = await start({ folder });
  const page = await open(server.url(`/kiosk?token=${token}&lang=en`), { viewport: { width: 1920, height: 1080 } });
  await live(page);
  expect(await page.locator("a").count()).toBe(0);
});

test.describe("a token that ends", () => {
  test.use({ expected: { faults: [/401/, /net::ERR_/] } });

  test("takes what it opened with it", async ({ start, open }) => {
    const folder = temporaryFolder();
    await addToken(folder, "other", ["/metrics"]);
    const token = await addToken(folder, "wall", ["/kiosk"]);
    const server = await start({ folder });
    const page = await open(server.url(`/kiosk?token=${token}&lang=en`));
    await live(page);
    expect((await run(["token", "revoke", "wall", "--data-dir", `${folder}/data`])).code).toBe(0);
    await expect(page.locator("main")).toContainText("This takes a valid token", { timeout: 20_000 });
  });
});

test("no secret is in a log, a page, an error or a metric", async ({ start, open }) => {
  const folder = temporaryFolder();
  const token = await addToken(folder, "planted");
  const hash = await passwordHash();
  const server = await start({ folder, config: `[access]\n${hash}[log]\nlevel = "trace"\n` });
  const bearer = { authorization: `Bearer ${token}` };
  const bodies = [];
  const keep = async (path, options) => {
    const answer = await get(server.url(path), options);
    bodies.push(`${path} ${JSON.stringify(answer.headers)} ${answer.body}`);
  };
  for (const path of ["/", "/kiosk", "/groups/api", "/embed", "/metrics", "/panels/api.latency.json", "/nothing", "/login"]) {
    await keep(`${path}?token=${token}`, { headers: HTML });
    await keep(path, { headers: bearer });
    await keep(`${path}?token=${token}x`, { headers: HTML });
  }
  await keep("/login", { method: "POST", body: `password=${PASSWORD}x` });
  await keep("/login", { method: "POST", body: `password=${PASSWORD}` });
  const page = await open(server.url(`/?token=${token}`));
  await live(page);
  bodies.push(await page.content());
  // What is chosen changes the address, and the page can be loaded anew.
  await page.goto(server.url(`/groups/resources?token=${token}`));
  await live(page);
  await page.locator("thead th a").first().click();
  await expect(page).toHaveURL(/sort=.*token=keiki_/);
  await page.reload();
  await live(page);
  // Addresses that were asked for are not bodies: each is cut off before the search.
  const told = bodies.map((body) => body.slice(body.indexOf(" ")));
  for (const secret of [token, PASSWORD, hash.split('"')[1]]) {
    expect(told.filter((body) => body.includes(secret)).map((body) => body.slice(0, 200))).toEqual([]);
    expect(server.log.includes(secret), "the log").toBe(false);
  }
  const metrics = (await get(server.url("/metrics"), { headers: bearer })).body;
  expect(metrics).toMatch(/keiki_access_refused_total\{[^}]*reason="token"[^}]*\} [1-9]/);
});

/** The status that HTTP/1.0 is answered with. */
const oldStatus = (port, path) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.0\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`));
    let text = "";
    socket.on("data", (chunk) => (text += chunk));
    socket.once("end", () => resolve(Number(text.split(" ")[1])));
    socket.once("error", reject);
  });

test("a reverse proxy on this machine shows nothing to everybody unless that is meant", async ({ start }) => {
  const closed = await start({});
  expect(await statusOf(closed, "/")).toBe(200);
  for (const name of ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"]) {
    for (const path of ["/", "/api/live", "/metrics", "/embed/api.latency", "/kiosk"]) expect(await statusOf(closed, path, { [name]: "9.9.9.9" }), `${path} ${name}`).toBe(403);
    expect(await statusOf(closed, "/healthz", { [name]: "9.9.9.9" })).toBe(200);
  }
  // nginx's bare proxy_pass adds nothing: it speaks HTTP/1.0 by the server's own name. Where it is told to speak 1.1 what a
  // browser says of its own page's server is no longer true.
  for (const [path, status] of [["/", 403], ["/api/live", 403], ["/healthz", 200]]) expect(await oldStatus(closed.port, path), path).toBe(status);
  const own = { "sec-fetch-site": "same-origin" };
  for (const [headers, status] of [
    [{ ...own, referer: "https://keiki.example.com/groups/api" }, 403],
    [{ ...own, referer: closed.url("/groups/api") }, 200],
    [{ "sec-fetch-site": "cross-site", referer: "https://chat.example.com/" }, 200],
  ])
    expect(await statusOf(closed, "/groups/api", headers), JSON.stringify(headers)).toBe(status);
  // What only Keiki's own pages fetch is for no page of another server, though the browser may say no more than where that is.
  const elsewhere = "http://keiki.example.com";
  const port = new URL(closed.url("/")).port;
  for (const path of ["/api/annotations", "/api/sources"]) {
    for (const [headers, status] of [
      [{}, 200],
      [{ referer: closed.url("/groups/api") }, 200],
      [{ origin: new URL(closed.url("/")).origin }, 200],
      [{ host: `LOCALHOST:${port}`, referer: `http://localhost:${port}/` }, 200],
      [{ host: `[::1]:${port}`, referer: `http://[::1]:${port}/` }, 200],
      [{ referer: `${elsewhere}/` }, 403],
      [{ origin: elsewhere }, 403],
      [{ origin: "null", referer: `${elsewhere}/` }, 403],
      [{ "sec-fetch-site": "cross-site", referer: `${elsewhere}/` }, 403],
      [{ referer: `http://127.0.0.1:${Number(port) - 1}/` }, 403],
    ])
      expect(await statusOf(closed, path, headers), `${path} ${JSON.stringify(headers)}`).toBe(status);
  }
  expect(await statusOf(closed, "/api/live?views=overview@1", { referer: `${elsewhere}/` })).toBe(403);
  expect(JSON.parse((await get(closed.url("/api/sources"), { headers: { referer: `${elsewhere}/` } })).body).error).toContain("a page of another server");
  // A link, a frame and a picture in somebody's page.
  for (const path of ["/", "/kiosk", "/embed/api.latency", "/panels/api.latency.svg", "/badges/api.latency.svg"]) expect(await statusOf(closed, path, { referer: `${elsewhere}/` }), path).toBe(200);
  for (const [lang, words] of [
    ["en", ["X-Forwarded-For", "speak HTTP/1.1", "a page of another server", "password_hash", "proxy_header", "keiki token add", "open_proxy = true"]],
    ["ja", ["X-Forwarded-For", "HTTP/1.1 を使う", "別のサーバーのページ", "password_hash", "proxy_header", "keiki token add", "open_proxy = true"]],
  ]) {
    const { body } = await get(closed.url(`/?lang=${lang}`), { headers: { via: "1.1 gate", accept: "text/html" } });
    for (const word of words) expect(body).toContain(word);
  }
  const counted = async () => /keiki_access_refused_total\{[^}]*reason="proxied"[^}]*\} [1-9]/.test((await get(closed.url("/metrics"))).body);
  await until("it is counted", counted);
  const open = await start({ config: "[access]\nopen_proxy = true\n" });
  expect(await statusOf(open, "/", { via: "1.1 gate" })).toBe(200);
});

test.describe("behind a proxy that says nothing of itself", () => {
  test.use({ expected: { faults: [/403/] } });

  for (const [what, without, then] of [
    ["a browser that says whose page asks", undefined, "a page of another server sends it"],
    ["one that does not, over plain HTTP,", (name) => name.startsWith("sec-fetch-"), "Endpoints"],
  ]) {
    test(`${what} gets no stream and changes nothing`, async ({ start, open }) => {
      const server = await start({});
      const proxy = await bareProxy(server.port, without);
      try {
        const page = await open(proxy.url("/groups/api?lang=en"));
        expect(page.answer.status()).toBe(200);
        // Refused, the page loads itself anew, once; then it says why, if that is known of a page.
        const loadedAnew = () => page.evaluate(() => performance.getEntriesByType("navigation")[0].type === "reload").catch(() => false);
        await until("it is loaded anew", loadedAnew, { timeout: 20_000 });
        await expect(page.locator("main")).toContainText(then);
        const sent = (path, options) => page.evaluate(async ([path, options]) => (await fetch(path, options)).status, [path, options]);
        expect(await sent("/api/live?views=overview@1")).toBe(403);
        expect(await sent("/api/annotations")).toBe(403);
        expect(await sent("/api/annotations", { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"x"}' })).toBe(403);
        expect(await sent("/api/annotations/1-0", { method: "DELETE" })).toBe(403);
        await expect(page.locator("html")).not.toHaveAttribute("data-link", "live");
        // Straight from this machine the same is open.
        const own = await open(server.url("/groups/api?lang=en"));
        await live(own);
        expect(await own.evaluate(async () => (await fetch("/api/annotations")).status)).toBe(200);
      } finally {
        await proxy.close();
      }
    });
  }
});

test("TLS by Keiki itself; a renewed certificate is used without a restart", async ({ start }) => {
  test.setTimeout(90_000);
  const files = newCertificate("before");
  const server = await start({ config: `[access]\n${await passwordHash()}[tls]\ncert = "${files.cert}"\nkey = "${files.key}"\n`, secure: true });
  const ask = () =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, servername: "" }, () => {
        const name = socket.getPeerCertificate().subject.CN;
        socket.write("GET /login HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        let text = "";
        socket.on("data", (chunk) => (text += chunk));
        socket.once("end", () => resolve({ name, status: Number(text.split(" ")[1]) }));
      });
      socket.once("error", reject);
    });
  expect(await ask()).toEqual({ name: "before", status: 200 });
  await expect(get(`http://127.0.0.1:${server.port}/login`), "no plain HTTP beside it").rejects.toThrow();
  newCertificate("after", files.folder);
  await until("the new certificate is shown", async () => (await ask()).name === "after", { timeout: 30_000, every: 500 });
});
