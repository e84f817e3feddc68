// A page and its server over hours: the heap must be flat, and so must be what the server holds.
import { figure, line, median } from "../lib/figure.js";
import { openFiles, rssBytes } from "../lib/process.js";
import { startServer } from "../lib/server.js";
import { watchPage } from "./browser.js";
import { kiosk } from "./kiosk.js";

const MINUTES = Number(process.env.SOAK_MINUTES ?? 240);
const EVERY = Math.max(10, Math.min(60, MINUTES));

/** The slope of the Theil–Sen line: the median of the slopes between all pairs, which a few odd samples do not move. */
function slope(points) {
  const slopes = [];
  points.forEach(([x, y], place) => {
    for (const [x2, y2] of points.slice(place + 1)) slopes.push((y2 - y) / (x2 - x));
  });
  return median(slopes);
}

const server = await startServer();
const memory = [];
const watch = setInterval(() => memory.push([Date.now() / 3.6e6, rssBytes(server.pid) / 1e6]), 10_000);
try {
  const { samples, faults } = await watchPage(server.url("/"), MINUTES * 60, EVERY);
  const hours = samples.map(({ Timestamp, JSHeapUsedSize }) => [Timestamp / 3600, JSHeapUsedSize / 1e6]);
  // Until the window and the rings are full both grow as they should.
  const full = (points, warm) => points.slice(Math.min(Math.floor(points.length / 2), warm));
  const figures = [
    figure("heap of the browser grows by", slope(full(hours, 1200 / EVERY)), "MB/h", { most: 0.5 }),
    figure("DOM nodes grown", samples.at(-1).Nodes - samples[1].Nodes, "", { most: 50 }),
    figure("memory of the server grows by", slope(full(memory, 120)), "MB/h", { most: 0.5 }),
    figure("memory of the server", rssBytes(server.pid) / 1e6, "MB", { most: 50 }),
    figure("open files of the server", openFiles(server.pid), "", { most: 60 }),
    figure("console messages", faults.length, "", { most: 0 }),
    ...(await kiosk(server)),
  ];
  console.log(`Over ${MINUTES} min:`);
  for (const one of figures) console.log(line(one));
  for (const fault of faults.slice(0, 10)) console.log(`    ${fault}`);
  process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
} finally {
  clearInterval(watch);
  await server.stop();
}
