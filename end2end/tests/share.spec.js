// All tabs of a browser share one connection.
import { difference, drawnPoints } from "../lib/canvas.js";
import { drawn, live, openStreams } from "../lib/page.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const ADDRESSES = ["/?lang=en", "/groups/resources?window=1m&lang=en", "/?lang=ja&theme=dark", "/groups/api?window=15m&lang=en", "/kiosk?lang=en"];

/** Opens tabs of one browser. */
async function tabs(open, server, addresses) {
  let streams;
  const first = await open(server.url(addresses[0]), { before: (page) => (streams = openStreams(page.context())) });
  const others = [];
  for (const address of addresses.slice(1)) {
    const page = await first.context().newPage();
    await page.goto(server.url(address), { waitUntil: "commit" });
    others.push(page);
  }
  const pages = [first, ...others];
  for (const page of pages) await live(page);
  return { pages, streams };
}

/** Whether figures move: the state of the resources is another one each second. */
async function moves(page) {
  const figures = () => page.evaluate(() => document.querySelector(".clock, .wall time").textContent);
  const before = await figures();
  await until("the clock moves", async () => (await figures()) !== before, { timeout: 5_000 });
}

test("five tabs, one stream; whoever closes, the others go on without a hole", async ({ start, open }) => {
  test.setTimeout(90_000);
  const server = await start();
  const { pages, streams } = await tabs(open, server, ADDRESSES);
  await until("one stream is left", () => streams().length === 1, { timeout: 10_000 });
  const [stream] = streams();
  const views = new URL(stream.url()).searchParams.get("views").split(",").sort();
  expect(views).toEqual(["group:api@3/900", "group:resources@1/60", "overview@1/300"]);
  for (const page of pages) await moves(page);

  // The one that reads is closed, and then the next one.
  for (let count = 0; count < 2; count += 1) {
    const [reading] = streams();
    const leader = pages.find((page) => page.mainFrame() === reading.frame());
    pages.splice(pages.indexOf(leader), 1);
    await leader.close();
    await until("another one reads", () => streams().length === 1 && !streams().includes(reading), { timeout: 10_000 });
    for (const page of pages) await moves(page);
  }

  const kept = pages.find((page) => page.url().includes("/groups/resources"));
  if (kept) {
    await kept.bringToFront();
    await drawn(kept);
    await expect(async () => {
      const one = await drawnPoints(kept, "resources.memory", 60);
      const said = await server.panel("resources.memory", "window=1m");
      expect(await drawnPoints(kept, "resources.memory", 60), "no tick in between").toEqual(one);
      expect(difference(one, said)).toBeUndefined();
    }).toPass({ timeout: 20_000, intervals: [100] });
  }
});

test("tabs that start at once settle on one stream", async ({ start, open }) => {
  const server = await start();
  let streams;
  const first = await open(server.url("/?lang=en"), { before: (page) => (streams = openStreams(page.context())) });
  const pages = await Promise.all(Array.from({ length: 5 }, () => first.context().newPage()));
  await Promise.all(pages.map((page) => page.goto(server.url("/groups/resources?lang=en"), { waitUntil: "commit" })));
  for (const page of [first, ...pages]) await live(page);
  await until("one stream is left", () => streams().length === 1, { timeout: 10_000 });
  for (const page of [first, ...pages]) await moves(page);
});

test("a tab that stands still is replaced", async ({ start, open }) => {
  const server = await start();
  const { pages, streams } = await tabs(open, server, ["/?lang=en", "/groups/resources?lang=en"]);
  await until("one stream is left", () => streams().length === 1);
  const [reading] = streams();
  const leader = pages.find((page) => page.mainFrame() === reading.frame());
  const other = pages.find((page) => page !== leader);
  const session = await leader.context().newCDPSession(leader);
  // As a debugger that stands at a breakpoint: nothing runs in that tab any more.
  await session.send("Debugger.enable");
  await session.send("Debugger.pause");
  await until("the other one reads by itself", () => streams().some((stream) => stream.frame() === other.mainFrame()), { timeout: 10_000 });
  await moves(other);
  await session.send("Debugger.disable");
  await until("one stream is left", () => streams().length === 1, { timeout: 10_000 });
  for (const page of pages) await moves(page);
});

test("a second tab on a past stretch is linked, though nothing new comes", async ({ start, open }) => {
  const server = await start();
  const to = Date.now() - 5_000;
  const address = `/groups/resources?from=${to - 60_000}&to=${to}&lang=en`;
  const { pages } = await tabs(open, server, [address, address]);
  expect(pages).toHaveLength(2);
});

test("without a channel every tab reads by itself", async ({ server, open }) => {
  const page = await open(server.url("/?lang=en"), { before: (page) => page.addInitScript(() => (window.BroadcastChannel = undefined)) });
  await live(page);
  await moves(page);
});
