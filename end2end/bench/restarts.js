// kill -9 again and again, under viewers: every start is ready within a second, and every viewer is served anew.
import { figure, line } from "../lib/figure.js";
import { freePort } from "../lib/port.js";
import { startServer, temporaryFolder } from "../lib/server.js";
import { openStream } from "../lib/sse.js";

const KILLS = Number(process.env.SOAK_KILLS ?? 200);

const [port, folder] = [await freePort(), temporaryFolder()];
const starts = [];
let id = "";
let wrong = 0;
for (let count = 0; count < KILLS; count += 1) {
  const began = performance.now();
  const server = await startServer({ port, folder });
  starts.push(performance.now() - began);
  const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(server.url(`/api/live?since=${id}`))));
  for (const stream of streams) {
    const event = await stream.next();
    wrong += event?.event === "snapshot" ? 0 : 1;
    id = event?.id ?? id;
  }
  await server.halt("SIGKILL");
  for (const stream of streams) stream.close();
}
starts.sort((one, two) => one - two);
const figures = [
  figure(`start to readiness, median of ${KILLS}`, starts[Math.floor(KILLS / 2)], "ms"),
  figure("start to readiness, slowest", starts.at(-1), "ms", { most: 3000 }),
  figure("viewers not served anew", wrong, "", { most: 0 }),
];
for (const one of figures) console.log(line(one));
process.exitCode = figures.every(({ kept }) => kept) ? 0 : 1;
