// Connections that never finish what they began.
import { once } from "node:events";
import { connect } from "node:net";
import { get } from "../lib/http.js";
import { openFiles, rssBytes } from "../lib/process.js";
import { openStream } from "../lib/sse.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

/** Opens connections that send half a request and then nothing; from many addresses, as one has only so many ports. */
async function halfOpen(port, count) {
  const sockets = [];
  for (let place = 0; place < count; place += 100) {
    const batch = Array.from({ length: 100 }, (_, more) => {
      const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${2 + ((place + more) % 8)}` });
      socket.on("error", () => {});
      socket.resume();
      sockets.push(socket);
      return once(socket, "connect").then(() => socket.write("GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: "), () => {});
    });
    await Promise.all(batch);
  }
  return sockets;
}

test("10,000 half-open connections: the page answers within a second, and they are let go", async ({ start }) => {
  test.setTimeout(120_000);
  const server = await start({ env: { KEIKI_SERVER__HEADER_TIMEOUT: "10" } });
  const stream = await openStream(server.url("/api/live"));
  await stream.next();
  const files = openFiles(server.pid);
  const before = rssBytes(server.pid);
  const sockets = await halfOpen(server.port, 10_000);
  try {
    expect(sockets.filter((socket) => !socket.destroyed).length).toBeGreaterThan(5_000);
    for (let count = 0; count < 5; count += 1) {
      const { status, milliseconds } = await get(server.url("/"));
      expect(status).toBe(200);
      expect(milliseconds).toBeLessThan(1_000);
      expect((await stream.next()).event).toBe("delta");
    }
    const each = (rssBytes(server.pid) - before) / 10_000;
    expect(each, "bytes each").toBeLessThan(32_000);
    await until("the connections are closed by the server", () => openFiles(server.pid) < files + 50, { timeout: 40_000, every: 500 });
  } finally {
    for (const socket of sockets) socket.destroy();
    stream.close();
  }
});

test("further connections than allowed are refused, and others serve on", async ({ start }) => {
  const server = await start({ env: { KEIKI_SERVER__MAX_CONNECTIONS: "50", KEIKI_SERVER__HEADER_TIMEOUT: "3" } });
  const stream = await openStream(server.url("/api/live"));
  const sockets = await halfOpen(server.port, 200);
  try {
    expect((await stream.next()).event).toBe("snapshot");
    expect((await stream.next()).event).toBe("delta");
    await until("new ones are served again", async () => (await get(server.url("/healthz"))).status === 200, { timeout: 20_000, every: 200 });
  } finally {
    for (const socket of sockets) socket.destroy();
    stream.close();
  }
});
