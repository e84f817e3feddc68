// A TCP proxy that plays a network with faults.
import { connect, createServer } from "node:net";

class Proxy {
  #pairs = new Set();
  #mode = "pass";

  constructor(target) {
    this.target = target;
    this.server = createServer({ allowHalfOpen: false }, (client) => this.#accept(client));
  }

  listen() {
    return new Promise((resolve) =>
      this.server.listen(0, "127.0.0.1", () => {
        this.port = this.server.address().port;
        resolve(this);
      }),
    );
  }

  /** How many connections are open. */
  get connections() {
    return this.#pairs.size;
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#mode === "reset") {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target, "127.0.0.1");
    server.on("error", () => {});
    client.setNoDelay(true);
    server.setNoDelay(true);
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      from.on("data", (chunk) => {
        to.write(chunk) || from.pause();
      });
      to.on("drain", () => this.#mode === "pass" && from.resume());
      from.once("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#mode === "freeze") this.#hold(pair);
  }

  #hold({ client, server }) {
    client.pause();
    server.pause();
  }

  /** Nothing passes any more, and nobody is told: a cable was pulled. */
  freeze() {
    this.#mode = "freeze";
    for (const pair of this.#pairs) this.#hold(pair);
  }

  /** Every connection is reset, now and when it is tried again. */
  reset() {
    this.#mode = "reset";
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** All passes again; connections that survived go on where they were. */
  pass() {
    this.#mode = "pass";
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  close() {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A proxy in front of a port of this machine. */
export function startProxy(port) {
  return new Proxy(port).listen();
}
