// What the stream of the default overview carries.
import { figure, median } from "../lib/figure.js";
import { openStream } from "../lib/sse.js";

export async function stream(server, ticks = 12) {
  const one = await openStream(server.url("/api/live"));
  const snapshot = await one.next();
  await one.next();
  const [began, before] = [performance.now(), one.bytes];
  const deltas = [];
  while (deltas.length < ticks) {
    const event = await one.next();
    if (event.event === "delta") deltas.push(event.bytes);
  }
  const seconds = (performance.now() - began) / 1000;
  const rate = (one.bytes - before) / seconds;
  one.close();
  return [
    figure("snapshot of the overview", snapshot.bytes / 1000, "KB"),
    figure("median delta of the overview", median(deltas), "bytes"),
    figure("median delta, of its snapshot", (100 * median(deltas)) / snapshot.bytes, "%", { most: 5 }),
    figure("stream of the overview", rate / 1000, "KB/s", { most: 1.5 }),
  ];
}
