#!/usr/bin/env node
// A program apart from Keiki and its tests that sends a known load: requests to each path at a fixed rate, sent by the
// clock and not by the answers, and a count of what came back. A `#` in a path is the number of its request.
//
// Usage: send.js <url> <seconds> <path>=<requests per second>...      prints one line of JSON
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";

const [address, seconds, ...schedule] = process.argv.slice(2);
const duration = Number(seconds) * 1000;
if (!address || !(duration > 0) || schedule.length === 0) {
  throw new Error("usage: send.js <url> <seconds> <path>=<requests per second>...");
}

const { hostname, port, pathname } = new URL(address);
const base = pathname.replace(/\/$/, "");
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const counts = { sent: 0, failed: 0, status: {}, path: {}, cache: {} };
/** Path and ETag of every body that came: how many there are is how often a body was made. */
const bodies = new Set();

function count(table, key) {
  table[key] = (table[key] ?? 0) + 1;
}

function send(path) {
  counts.sent += 1;
  count(counts.path, path);
  return ask(path);
}

function ask(path) {
  return new Promise((resolve) => {
    const request = http.get({ hostname, port, path: base + path, agent }, (response) => {
      count(counts.status, response.statusCode);
      const cache = response.headers["x-cache"];
      if (cache) count(counts.cache, cache);
      if (response.headers.etag) bodies.add(`${path} ${response.headers.etag}`);
      response.resume().once("close", resolve);
    });
    request.once("error", ({ code }) => {
      // The server has closed the idle connection in the same moment, and knows of no request.
      if (request.reusedSocket && code === "ECONNRESET") return resolve(ask(path));
      counts.failed += 1;
      return resolve();
    });
  });
}

/** All times at which something is sent, milliseconds from the beginning; half an interval from the ends. */
const times = schedule
  .flatMap((entry) => {
    const at = entry.lastIndexOf("=");
    const [path, rate] = [entry.slice(0, at), Number(entry.slice(at + 1))];
    return Array.from({ length: Math.round((rate * duration) / 1000) }, (_, place) => [((place + 0.5) * 1000) / rate, path.replace("#", place)]);
  })
  .sort(([one], [two]) => one - two);

// Apart from the moment in which pages change, so that no request is the only one of its page.
await delay((1550 - (Date.now() % 1000)) % 1000);
const began = Date.now();
const answers = [];
for (const [time, path] of times) {
  const wait = began + time - Date.now();
  if (wait > 0) await delay(wait);
  answers.push(send(path));
}
await Promise.all(answers);
agent.destroy();
console.log(JSON.stringify({ ...counts, bodies: bodies.size, began, ended: Date.now() }));
