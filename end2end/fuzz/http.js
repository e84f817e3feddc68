#!/usr/bin/env node
// Garbage on the wire, for FUZZ_SECONDS (60): mutated requests, half ones and noise. The server must stay up, answer an
// honest request at once, log no panic and keep its memory.
import { once } from "node:events";
import { connect } from "node:net";
import { get } from "../lib/http.js";
import { openFiles, rssBytes } from "../lib/process.js";
import { startServer } from "../lib/server.js";
import { until } from "../lib/until.js";

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 60);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);

/** mulberry32: small, seeded, good enough to choose with. */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const PATHS = ["/", "/groups/api", "/groups/%00", "/panels/api.latency.json?window=5m", "/panels/resources.cpu.svg?from=1&to=2", "/badges/api.latency.svg?stat=p95",
  "/api/live?views=overview%401", "/api/live?views=panel:api.latency@1/60;service=%25%25;new,&since=x-1", "/embed/api.latency?ground=transparent", "/metrics", "/assets/x.js", "*", "http://localhost/"];
const WORDS = ["\r\n", "\0", "%00", "%ff", "%", "\u00e9", "../", "</script>", ";", ",", "@", "=", "&", ":", "-1", "18446744073709551616", "1e309", "NaN", "a".repeat(9000), "\r\nhost: evil", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"];

export function message(choose) {
  const method = ["GET", "HEAD", "POST", "OPTIONS", "GETT", "\0", "PRI"][choose(7)];
  const headers = ["host: localhost", "accept-encoding: br, gzip;q=0", "if-none-match: \"x\"", "range: bytes=0-1", "last-event-id: a-1", "connection: keep-alive, upgrade", "expect: 100-continue", "content-length: 3"];
  const chosen = headers.filter((_, place) => place === 0 || choose(3) === 0);
  let text = `${method} ${PATHS[choose(PATHS.length)]} HTTP/1.${choose(3)}\r\n${chosen.join("\r\n")}\r\n\r\n`;
  for (let changes = choose(4); changes > 0; changes -= 1) {
    const at = choose(text.length);
    const gone = choose(4) === 0 ? choose(20) : 0;
    text = text.slice(0, at) + (choose(2) ? WORDS[choose(WORDS.length)] : String.fromCharCode(choose(256))) + text.slice(at + gone);
  }
  return Buffer.from(choose(10) === 0 ? text.slice(0, choose(text.length)) : text, "latin1");
}

async function throwAt(port, bytes, patient) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.setTimeout(patient ? 200 : 20, () => socket.destroy());
  socket.resume();
  socket.write(bytes);
  await once(socket, "close").catch(() => {});
}

console.log(`seed ${SEED}`);
const server = await startServer();
const choose = random(SEED);
try {
  await get(server.url("/"));
  const [memory, files] = [rssBytes(server.pid), openFiles(server.pid)];
  const end = performance.now() + SECONDS * 1000;
  let sent = 0;
  let slowest = 0;
  while (performance.now() < end) {
    await Promise.all(Array.from({ length: 64 }, () => throwAt(server.port, message(choose), choose(8) === 0)));
    sent += 64;
    const { status, milliseconds } = await get(server.url("/"));
    slowest = Math.max(slowest, milliseconds);
    if (status !== 200) throw new Error(`an honest request got ${status} after ${sent} messages`);
  }
  await until("connections are let go", () => openFiles(server.pid) < files + 20, { timeout: 40_000, every: 500 });
  if (/panicked/.test(server.log)) throw new Error(`it panicked:\n${server.log}`);
  const more = (rssBytes(server.pid) - memory) / 1e6;
  console.log(`${sent} messages, slowest honest answer ${slowest.toFixed(0)} ms, ${more.toFixed(1)} MB more memory`);
  if (slowest > 1000) throw new Error("honest requests must be answered within a second");
  if (more > 100) throw new Error("memory must stay");
} finally {
  await server.stop();
}
