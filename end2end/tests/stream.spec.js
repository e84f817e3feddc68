// The stream as any client sees it: `curl -N`, EventSource, another program.
import { fold } from "../lib/fold.js";
import { get } from "../lib/http.js";
import { freePort } from "../lib/port.js";
import { openStream } from "../lib/sse.js";
import { startServer } from "../lib/server.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const live = (server, query = "") => server.url(`/api/live${query}`);

/** Reads until the state has reached a tick; every delta must continue the state. */
async function follow(stream, state, tick) {
  while (state.seq < tick) {
    const event = await stream.next();
    expect(event?.event).toBe("delta");
    const folded = fold(state, event.data);
    expect(folded, `${event.data.prev} → ${event.data.seq} onto ${state.seq}`).not.toBe("broken");
  }
  return state;
}

test("begins with a snapshot and goes on with consecutive deltas", async ({ server }) => {
  const stream = await openStream(live(server));
  expect(stream.headers["cache-control"]).toBe("no-store, no-transform");
  expect(stream.headers["x-accel-buffering"]).toBe("no");
  expect(stream.headers["content-encoding"]).toBeUndefined();
  const first = await stream.next();
  expect(first.event).toBe("snapshot");
  expect(first.data.view).toBe("overview@1/300");
  expect(first.data.boot).not.toContain("-");
  expect(first.id).toBe(`${first.data.boot}-${first.data.seq}`);
  let tick = first.data.seq;
  for (let count = 0; count < 4; count += 1) {
    const { event, id, data } = await stream.next();
    expect(event).toBe("delta");
    expect(id).toBe(`${data.boot}-${data.seq}`);
    expect(data.prev).toBe(tick);
    expect(data.seq).toBeGreaterThan(tick);
    tick = data.seq;
  }
  stream.close();
});

test("a tick comes each second, soon after its second", async ({ server }) => {
  const stream = await openStream(live(server));
  let before = (await stream.next()).data;
  for (let count = 0; count < 5; count += 1) {
    const { data } = await stream.next();
    // `now` is the true time: never before k + 200 ms. How late it may be is for the benchmark on a quiet machine.
    expect(data.now % 1000, "published at k + 200 ms or soon after").toBeGreaterThanOrEqual(200);
    expect(data.now).toBeGreaterThan(before.now);
    expect(data.prev).toBe(before.seq);
    before = data;
  }
  stream.close();
});

for (const view of ["overview@1/300", "overview@1/60", "group:resources@1/300", "group:api@1/60", "panel:resources.cpu@3/900"]) {
  test(`folding ${view} gives what a fresh snapshot says`, async ({ server }) => {
    const query = `?views=${encodeURIComponent(view)}`;
    const stream = await openStream(live(server, query));
    const state = (await stream.next()).data;
    expect(state.view).toBe(view);
    await follow(stream, state, state.seq + 3);
    for (let tries = 0; tries < 3; tries += 1) {
      // Traffic, so that there is something to fold.
      await get(server.url("/healthz"));
      await get(server.url("/no-such-page"));
      const other = await openStream(live(server, query));
      const fresh = (await other.next()).data;
      other.close();
      await follow(stream, state, fresh.seq);
      if (state.seq === fresh.seq) expect(state).toEqual(fresh);
    }
    stream.close();
  });
}

test("resumes without a hole, by argument and by header", async ({ server }) => {
  const first = await openStream(live(server));
  const state = (await first.next()).data;
  await follow(first, state, state.seq + 2);
  first.close();
  const id = `${state.boot}-${state.seq}`;
  const ahead = await openStream(live(server));
  const now = (await ahead.next()).data;
  const then = await follow(ahead, now, state.seq + 3);
  ahead.close();
  const ways = [
    [live(server, `?since=${id}`), {}],
    [live(server), { "last-event-id": id }],
    [live(server, `?views=overview%401&since=${id}`), {}],
  ];
  for (const [address, headers] of ways) {
    const copy = structuredClone(state);
    const stream = await openStream(address, { headers });
    await follow(stream, copy, then.seq);
    stream.close();
    if (copy.seq === then.seq) expect(copy).toEqual(then);
  }
});

test("an unknown run or a demanded newness starts with a snapshot", async ({ server }) => {
  const stream = await openStream(live(server));
  const { id } = await stream.next();
  stream.close();
  for (const query of ["?since=unknown-1", "?since=garbage", `?views=overview%401;new&since=${id}`]) {
    const again = await openStream(live(server, query));
    expect((await again.next()).event, query).toBe("snapshot");
    again.close();
  }
});

test("several views share one stream", async ({ server }) => {
  const views = ["panel:resources.cpu@1/60", "panel:api.throughput@1/60"];
  const stream = await openStream(live(server, `?views=${encodeURIComponent(views.join(","))}`));
  const states = new Map();
  await until("both views have had three deltas", async () => {
    const { event, data } = await stream.next();
    if (event === "snapshot") states.set(data.view, { state: data, deltas: 0 });
    else {
      const view = states.get(data.view);
      expect(fold(view.state, data)).not.toBe("broken");
      view.deltas += 1;
    }
    return states.size === 2 && [...states.values()].every(({ deltas }) => deltas >= 3);
  });
  expect([...states.keys()].sort()).toEqual([...views].sort());
  stream.close();
});

test("a heartbeat comes at least every 10 s on a quiet view", async ({ server }) => {
  test.setTimeout(60_000);
  // One slot closes every 15 minutes: what comes meanwhile is the heartbeat.
  const stream = await openStream(live(server, "?views=overview%40900%2F900"));
  await stream.next();
  for (let count = 0; count < 2; count += 1) {
    const event = await stream.any(11_000);
    expect(event.comment ?? event.event).toBeDefined();
  }
  stream.close();
});

test("what cannot be read is refused in plain words", async ({ server }) => {
  const bad = ["nothing@1", "overview@0", "overview@1/1001", "panel:no.such@1", "overview@1;x=1", "overview@1;service=%zz", "a".repeat(5000)];
  for (const views of bad) {
    const answer = await get(live(server, `?views=${encodeURIComponent(views)}`));
    expect(answer.status, views.slice(0, 60)).toBe(400);
    expect(answer.headers["content-type"]).toMatch(/^text\/plain/);
    expect(answer.body.length).toBeGreaterThan(10);
    expect(answer.body.length).toBeLessThan(600);
  }
});

test("views are bounded per connection and in all", async ({ start }) => {
  const server = await start({ env: { KEIKI_LIMITS__VIEWS: "6", KEIKI_LIMITS__VIEWS_PER_CONNECTION: "4" } });
  const windows = [60, 61, 62, 63, 64, 65, 66, 67, 68];
  const list = (some) => encodeURIComponent(some.map((window) => `overview@1/${window}`).join(","));
  const many = await get(live(server, `?views=${list(windows.slice(0, 5))}`));
  expect(many.status).toBeGreaterThanOrEqual(400);
  expect(many.headers["content-type"]).toMatch(/^text\/plain/);
  const held = [];
  let refused;
  for (const window of windows) {
    try {
      held.push(await openStream(live(server, `?views=${list([window])}`)));
    } catch (error) {
      refused = error;
      break;
    }
  }
  expect(refused?.status).toBe(503);
  expect(refused.headers["retry-after"]).toMatch(/^\d+$/);
  // Those who were in stay in, and a place that is left can be had again.
  expect((await held[0].next()).event).toBe("snapshot");
  held.splice(0, 3).forEach((stream) => stream.close());
  await until("a place is free", async () => {
    held.push(await openStream(live(server, `?views=${list([60])}`)));
    return true;
  });
  held.forEach((stream) => stream.close());
});

test("ends with a farewell at SIGTERM, within 5 s", async ({ start }) => {
  const server = await start();
  const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(live(server))));
  for (const stream of streams) await stream.next();
  const began = performance.now();
  const ended = server.halt("SIGTERM", 5_000);
  for (const stream of streams) {
    let last;
    for (let event = await stream.next(); event !== null; event = await stream.next()) last = event;
    expect(last?.event).toBe("error");
    expect(last.data.error).toBe("shutting_down");
    expect(last.id, "it resumes from its last id").toBeUndefined();
  }
  expect((await ended).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("a reader that does not read ends nobody's shutdown", async ({ start }) => {
  const server = await start();
  const stream = await openStream(live(server));
  stream.request.socket.pause();
  expect((await server.halt("SIGTERM", 6_000)).code).toBe(0);
  stream.close();
});

test("a stream of another run starts anew", async ({ start }) => {
  const port = await freePort();
  const first = await start({ port });
  const stream = await openStream(live(first));
  const { id, data } = await stream.next();
  stream.close();
  await first.halt();
  const second = await startServer({ port });
  try {
    const again = await openStream(live(second, `?since=${id}`));
    const fresh = await again.next();
    expect(fresh.event).toBe("snapshot");
    expect(fresh.data.boot).not.toBe(data.boot);
    again.close();
  } finally {
    await second.stop();
  }
});
