// What a first visit transfers: everything from an empty cache until the charts are drawn.
import { chromium } from "playwright-core";
import { launchOptions } from "../lib/chromium.js";
import { figure } from "../lib/figure.js";
import { get } from "../lib/http.js";
import { drawn, live } from "../lib/page.js";

const COMPRESSED = { headers: { "accept-encoding": "br, gzip" } };

/** Bytes and requests on the wire, bodies as they were encoded, as the browser counts them. */
async function visit(address) {
  const browser = await chromium.launch(launchOptions);
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    const requests = new Map();
    client.on("Network.requestWillBeSent", ({ requestId, request }) => requests.set(requestId, { url: request.url, bytes: 0 }));
    client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const request = requests.get(requestId);
      if (request) request.bytes = encodedDataLength;
    });
    await page.goto(address, { waitUntil: "networkidle" }).catch(() => {});
    await live(page);
    await drawn(page);
    return [...requests.values()].filter(({ url }) => url.startsWith("http"));
  } finally {
    await browser.close();
  }
}

/** The compressed size of an answer's body. */
async function compressed(address) {
  return (await get(address, COMPRESSED)).raw.length;
}

export async function firstLoad(server) {
  const requests = await visit(server.url("/"));
  const asset = (pattern) => requests.find(({ url }) => pattern.test(url))?.url ?? server.url("/missing");
  const total = requests.reduce((sum, { bytes }) => sum + bytes, 0);
  const wasm = await compressed(asset(/\.wasm$/));
  const charts = await compressed(asset(/echarts[^/]*\.js$/));
  const figures = [
    figure("first load, all of it, compressed", total / 1000, "KB", { most: 420 }),
    figure("requests of a first load (the stream included)", requests.length, "", { most: 10 }),
    figure("WASM, brotli", wasm / 1000, "KB", { most: 180 }),
    figure("charts, brotli", charts / 1000, "KB", { most: 200 }),
  ];
  for (const path of ["/", "/groups/resources", "/groups/api"]) {
    const bytes = await compressed(server.url(path));
    figures.push(figure(`HTML of ${path}, brotli`, bytes / 1000, "KB", path === "/" ? { most: 30 } : {}));
  }
  return figures;
}
