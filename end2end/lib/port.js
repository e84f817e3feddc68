// Free ports, below the range that the system gives to outgoing connections: a port that a test holds, or will take
// again after a restart, is not given away meanwhile.
import { createServer } from "node:net";

const FIRST = 20_000;
const LAST = 32_000;

function free(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export async function freePort(host = "127.0.0.1") {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await free(port, host)) return port;
  }
  throw new Error("No free port found.");
}
