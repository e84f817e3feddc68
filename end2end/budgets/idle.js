// What a server costs that nobody looks at.
import { setTimeout as delay } from "node:timers/promises";
import { figure } from "../lib/figure.js";
import { cpuSeconds, rssBytes, threads } from "../lib/process.js";

export async function idle(server, seconds = 20) {
  const [began, before] = [performance.now(), cpuSeconds(server.pid)];
  await delay(seconds * 1000);
  const share = (cpuSeconds(server.pid) - before) / ((performance.now() - began) / 1000);
  return [
    figure(`idle CPU over ${seconds} s, of one core`, share * 100, "%", { most: 1 }),
    figure("resident memory, idle", rssBytes(server.pid) / 1e6, "MB", { most: 50 }),
    figure("threads", threads(server.pid), ""),
  ];
}
