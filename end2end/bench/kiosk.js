// Hours of a wall in minutes: real events of a real server, told again and again by a clock of their own, as fast as a browser
// takes them that has a sixth of its speed. Its heap and its DOM must be flat.
import { createServer, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { chromium } from "playwright-core";
import { launchOptions } from "../lib/chromium.js";
import { figure, median } from "../lib/figure.js";
import { openStream } from "../lib/sse.js";

const RECORDED = 120;
const WARM = 1_000;
const EVERY = 500;
const AHEAD = 5;

/** A server in front of another one: all is the other's but the stream, which is told by `tell`. */
function inFront(port, tell) {
  const server = createServer((asked, answer) => {
    if (asked.url.startsWith("/api/live")) {
      answer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      return tell(answer);
    }
    const { method, url, headers } = asked;
    const passed = request({ port, host: "127.0.0.1", method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
    });
    passed.once("error", () => answer.destroy());
    asked.pipe(passed);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

/** A snapshot and the deltas after it that can be told in a ring: none of them adds or takes away what a later one counts on. */
async function record(server) {
  const changes = ({ panels }) => panels.some(({ born, gone, whole, row_count }) => born ?? gone ?? whole ?? row_count);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const stream = await openStream(server.url("/api/live"));
    const { data: first } = await stream.next();
    const deltas = [];
    while (deltas.length < RECORDED) {
      const { data } = await stream.next();
      if (changes(data)) break;
      deltas.push(data);
    }
    stream.close();
    if (deltas.length === RECORDED) return { first, deltas };
  }
  throw new Error("the server never had the same series for two minutes");
}

/** Bytes of all that the page keeps, without the machine code that V8 makes of what has run often: by nature more of it comes
 *  for a while, and it says nothing of what is forgotten. */
async function kept(client) {
  const chunks = [];
  const take = ({ chunk }) => chunks.push(chunk);
  client.on("HeapProfiler.addHeapSnapshotChunk", take);
  await client.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  client.off("HeapProfiler.addHeapSnapshotChunk", take);
  const { nodes, snapshot } = JSON.parse(chunks.join(""));
  const { node_fields: fields, node_types: [kinds] } = snapshot.meta;
  const [kind, size, code] = [fields.indexOf("type"), fields.indexOf("self_size"), kinds.indexOf("code")];
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) if (nodes[at + kind] !== code) bytes += nodes[at + size];
  return bytes;
}

export async function kiosk(server, ticks = Number(process.env.KIOSK_TICKS ?? 14_400)) {
  const { first, deltas } = await record(server);

  let answer;
  const front = await inFront(server.port, (opened) => {
    answer = opened;
    opened.write(`event: snapshot\nid: ${first.boot}-${first.seq}\ndata: ${JSON.stringify(first)}\n\n`);
  });
  /** The event that follows `tick` others, as if it came that many seconds after the first. */
  const event = (tick) => {
    const [seq, prev, now] = [first.seq + tick, first.seq + tick - 1, first.now + tick * 1000];
    const data = { ...deltas[tick % RECORDED], header: undefined, seq, prev, now };
    return `event: delta\nid: ${first.boot}-${seq}\ndata: ${JSON.stringify(data)}\n\n`;
  };
  const browser = await chromium.launch(launchOptions);
  try {
    // Where it is not night: then a wall loads itself anew.
    const timezoneId = new Date().getUTCHours() < 12 ? "Asia/Tokyo" : "UTC";
    const page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, timezoneId });
    const faults = [];
    page.on("console", (message) => faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    const client = await page.context().newCDPSession(page);
    await client.send("Performance.enable");
    await client.send("Emulation.setCPUThrottlingRate", { rate: 6 });
    await page.goto(`http://127.0.0.1:${front.address().port}/kiosk?rotate=20&lang=en`);
    await page.locator('html[data-link="live"]').waitFor({ state: "attached", timeout: 60_000 });
    const clock = (tick) => new Date(first.now + tick * 1000 + first.header.zone.offset * 1000).toISOString().slice(11, 19);
    const samples = [];
    for (let tick = 1; tick <= ticks; tick += 1) {
      answer.write(event(tick));
      if (tick % AHEAD === 0) {
        const shown = clock(tick);
        await page.waitForFunction((text) => document.querySelector(".wall time")?.textContent === text, shown, { polling: 20, timeout: 60_000 });
      }
      if (tick % EVERY === 0) {
        // What the first leaves to finalizers the second takes.
        for (let time = 0; time < 2; time += 1) await client.send("HeapProfiler.collectGarbage");
        const { metrics } = await client.send("Performance.getMetrics");
        const sample = { tick, kept: await kept(client), ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])) };
        samples.push(sample);
        const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
        console.log(`    after ${tick} ticks: heap ${megabytes(sample.JSHeapUsedSize)}, kept ${megabytes(sample.kept)}, ${sample.Nodes} nodes`);
      }
    }
    // Compiled code comes and goes by hundreds of kilobytes: medians of five.
    const middle = (of, name) => median(of.map((sample) => sample[name]));
    const warm = samples.filter(({ tick }) => tick >= WARM).slice(0, 5);
    const last = samples.slice(-5);
    const grown = (name) => (100 * (middle(last, name) - middle(warm, name))) / middle(warm, name);
    return [
      figure("ticks shown", ticks, "", { least: 14_400 }),
      figure(`what the page keeps, grown after ${WARM} ticks`, grown("kept"), "%", { most: 5 }),
      figure(`heap with compiled code, grown after ${WARM} ticks`, grown("JSHeapUsedSize"), "%"),
      figure(`DOM nodes, grown after ${WARM} ticks`, grown("Nodes"), "%", { most: 5 }),
      figure("listeners, grown", middle(last, "JSEventListeners") - middle(warm, "JSEventListeners"), "", { most: 5 }),
      figure("console messages", faults.length, "", { most: 0 }),
    ];
  } finally {
    await browser.close();
    answer?.end();
    await delay(10);
    front.closeAllConnections();
    front.close();
  }
}
