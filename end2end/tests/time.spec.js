// What is seen over days: extremes down to one second, the day before beside it, and what was told of it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { get } from "../lib/http.js";
import { live } from "../lib/page.js";
import { temporaryFolder } from "../lib/server.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const SEED = resolve(process.env.KEIKI_SEED ?? join(import.meta.dirname, "../../target/debug/examples/seed_history"));
/** How long before the end all memory was in use, seconds. */
const FULL = 1_800;

/** A server that knows two days of a made-up host, and when its memory was full for a second. */
async function seeded(start, days = 2) {
  if (!existsSync(SEED)) throw new Error(`${SEED} is missing: cargo build -p keiki-store --example seed_history`);
  const folder = temporaryFolder();
  const end = Math.floor(Date.now() / 1_000) * 1_000;
  execFileSync(SEED, [join(folder, "data/history"), String(end), String(FULL), String(days)]);
  const server = await start({ folder, config: "[host]\nenabled = false\n" });
  return { server, full: end - FULL * 1_000 };
}

const memory = (page) => page.locator('section[data-panel="resources.memory"]');

/** The corners of a path of relative steps, as shares of its box. */
async function corners(path) {
  const { d, box } = await path.evaluate((node) => ({ d: node.getAttribute("d"), box: node.closest("svg").getAttribute("viewBox") }));
  const [, , width, height] = box.split(" ").map(Number);
  const found = [];
  let [x, y] = [0, 0];
  for (const [, command, numbers] of d.matchAll(/([Ml])([^Mlz]*)/g)) {
    const values = (numbers.match(/-?\d+/g) ?? []).map(Number);
    for (let at = 0; at < values.length; at += 2) {
      [x, y] = command === "M" ? [values[at], values[at + 1]] : [x + values[at], y + values[at + 1]];
      found.push({ left: x / width, height: 1 - y / height });
    }
  }
  return found;
}

/** Where the chart of memory is highest, a share of its width. */
async function peak(page) {
  const band = memory(page).locator(".under .band");
  const path = (await band.count()) > 0 ? band : memory(page).locator(".first .line");
  const highest = (await corners(path.first())).reduce((a, b) => (b.height > a.height ? b : a));
  expect(highest.height, "the spike is as high as it was").toBeGreaterThan(0.9);
  return highest.left;
}

const shown = (page) => ["from", "to"].map((name) => Number(new URL(page.url()).searchParams.get(name)));

test("a spike of one second is found from ninety days down to the second", async ({ start, open }) => {
  test.setTimeout(120_000);
  const { server, full } = await seeded(start);
  const page = await open(server.url("/groups/resources?lang=en&window=90d"));
  await live(page);
  let seconds = 90 * 86_400;
  const seen = [];
  while (seconds > 20) {
    await expect(memory(page).locator('[data-stat="max"]').first(), `${seconds} s`).toHaveAttribute("data-value", "0.98");
    const left = await peak(page);
    const box = await memory(page).locator(".chart .over").boundingBox();
    // A tenth of the chart around it; beyond its edge a drag goes as far as the edge.
    const [from, to] = [Math.max(left - 0.05, 0.002), left + 0.05];
    const before = page.url();
    await page.mouse.move(box.x + box.width * from, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to, box.y + 30, { steps: 3 });
    await page.mouse.up();
    await expect(page).not.toHaveURL(before);
    await live(page);
    const [first, last] = shown(page);
    expect(first <= full && full < last, `the stretch of ${(last - first) / 1_000} s holds it`).toBe(true);
    expect(last - first).toBeLessThan(seconds * 1_000);
    seconds = (last - first) / 1_000;
    seen.push(seconds);
  }
  expect(seen.length, `${seen}`).toBeGreaterThan(4);
  const [from, to] = shown(page);
  await peak(page);
  const { step, series } = await server.panel("resources.memory", `from=${from}&to=${to}`);
  expect(step).toBe(1);
  expect(series[0].points.filter(([, value]) => value > 0.9)).toEqual([[full, 0.98]]);
});

test("the day before stands beside the day", async ({ start, open }) => {
  const { server } = await seeded(start);
  const page = await open(server.url("/groups/resources?lang=en&window=1h"));
  await live(page);
  await expect(page.locator(".ghost")).toHaveCount(0);
  await page.locator(".compare summary").click();
  await page.getByRole("link", { name: "The day before" }).click();
  await expect(page).toHaveURL(/compare=1d/);
  await live(page);
  await expect(page.locator("nav.span .compared")).toHaveText("Dashed: The day before");
  await expect(memory(page).locator(".under .ghost")).toHaveCount(1);
  const day = 86_400_000;
  const { from, to, before } = await server.panel("resources.memory", "window=1h&compare=1d");
  const then = await server.panel("resources.memory", `from=${from - day}&to=${to - day}`);
  const value = ([time]) => then.series[0].points.findLast(([at]) => at <= time - day)?.[1] ?? null;
  expect(before[0].points.filter(([, one]) => one !== null).length).toBeGreaterThan(700);
  expect(before[0].points.map(([, one]) => one)).toEqual(before[0].points.map(value));
  // It stays while one moves in time, and goes when it is asked to.
  await page.getByText("Earlier").click();
  await expect(page).toHaveURL(/from=\d+/);
  expect(new URL(page.url()).searchParams.get("compare")).toBe("1d");
  await live(page);
  await page.locator(".compare summary").click();
  await page.getByRole("link", { name: "Nothing" }).click();
  await expect(page).not.toHaveURL(/compare/);
  await live(page);
  await expect(page.locator(".ghost")).toHaveCount(0);
});

/** Sends JSON, and reads it. */
async function send(server, method, path, body, headers = {}) {
  const options = { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
  const answer = await get(server.url(path), options);
  return { status: answer.status, ...JSON.parse(answer.body) };
}

test("what happened is told by a program and by the page, is marked, and outlives the server", async ({ start, open }) => {
  const folder = temporaryFolder();
  const server = await start({ folder });
  const page = await open(server.url("/groups/resources?lang=en&window=5m"));
  await live(page);
  const told = await send(server, "POST", "/api/annotations", { text: "v1.2 <b>&", kind: "deployment", time: Date.now() - 200_000 });
  expect([told.status, told.durable, told.kind]).toEqual([201, true, "deployment"]);
  const marks = page.locator('section[data-panel="resources.cpu"] .over .mark');
  await expect(marks.filter({ hasText: "Deployment v1.2 <b>&" }), "an open page is told").not.toHaveCount(0);

  const notes = page.locator(".notes");
  await notes.locator("summary").click();
  await notes.getByRole("combobox").selectOption("note");
  await notes.getByPlaceholder("What happened").fill("計測を止めた");
  const sent = page.waitForResponse((response) => response.request().method() === "POST");
  await notes.getByRole("button", { name: "Add" }).click();
  expect((await sent).status()).toBe(303);
  await live(page);
  const listed = async () => (await send(server, "GET", "/api/annotations")).annotations.map(({ text }) => text);
  await until("it is listed", async () => (await listed()).includes("計測を止めた"));
  // The page is of one second: the next one has it.
  await until("the page lists it", async () => {
    await page.reload();
    await live(page);
    return (await page.locator(".notes li", { hasText: "計測を止めた" }).count()) === 1;
  });
  expect(page.url(), "the page is the same").toContain("/groups/resources?lang=en");

  await page.locator(".notes summary").click();
  await page.locator(".notes li", { hasText: "v1.2" }).getByRole("button", { name: /^Remove/ }).click();
  await expect(page.locator(".notes li", { hasText: "v1.2" })).toHaveCount(0);
  expect(await listed()).toEqual(["", "計測を止めた"]);
  await expect(page.locator(".notes li", { hasText: "Keiki started" }).getByRole("button"), "nobody told that").toHaveCount(0);

  await page.close();
  await server.halt("SIGKILL");
  const again = await start({ folder, port: server.port });
  const { annotations } = await send(again, "GET", "/api/annotations");
  expect(annotations.map(({ kind }) => kind)).toEqual(["keiki_started", "note", "keiki_started"]);
});

test("what cannot be told is refused with its reason", async ({ server }) => {
  for (const [body, parameter] of [
    [{}, "body"],
    [{ text: "" }, "text"],
    [{ text: "x".repeat(201) }, "text"],
    [{ text: "x", kind: "keiki_started" }, "kind"],
    [{ text: "x", time: 5 }, "time"],
    [{ text: "x", who: "me" }, "body"],
    [{ text: "x".repeat(5_000) }, "body"],
  ]) {
    const answer = await send(server, "POST", "/api/annotations", body);
    expect([answer.status, answer.parameter], JSON.stringify(body).slice(0, 60)).toEqual([400, parameter]);
  }
  const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
  expect((await send(server, "POST", "/api/annotations", { text: "x" }, foreign)).status).toBe(403);
  expect((await send(server, "DELETE", "/api/annotations/1-0", undefined, foreign)).status).toBe(403);
  expect((await send(server, "DELETE", "/api/annotations/1-0")).status).toBe(404);
  expect((await send(server, "GET", "/api/annotations?from=x")).status).toBe(400);
});

test("a panel is saved as a PNG", async ({ server, open }) => {
  const page = await open(server.url("/groups/resources?lang=en&window=5m&theme=dark"));
  await live(page);
  await page.locator(".export summary").click();
  const link = page.locator('.export a.png[href*="resources.cpu.svg"]');
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  expect(download.suggestedFilename()).toBe("resources.cpu.png");
  const png = readFileSync(await download.path());
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)].every((side) => side >= 400)).toBe(true);
  expect(png.length).toBeGreaterThan(5_000);
});
