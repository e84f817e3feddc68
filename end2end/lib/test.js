// Playwright's `test` with a server per worker and pages that are watched.
import { test as base, expect } from "@playwright/test";
import { rememberCharts } from "./canvas.js";
import { startServer } from "./server.js";
import { watch } from "./watch.js";

export { expect };

export const test = base.extend({
  /** How the worker's server is started. */
  serverOptions: [{}, { option: true, scope: "worker" }],

  /** A running server, shared by the tests of a worker that want the same options. */
  server: [
    async ({ serverOptions }, use) => {
      const server = await startServer(serverOptions);
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 30_000 },
  ],

  /** A server of the test's own, for tests that stop or load it. */
  start: async ({}, use, info) => {
    const servers = [];
    await use(async (options) => {
      const server = await startServer(options);
      servers.push(server);
      return server;
    });
    for (const server of servers) {
      if (info.status !== info.expectedStatus) await info.attach("server log", { body: server.log });
      await server.stop();
    }
  },

  /** The faults that a test expects, as patterns. */
  expected: [{ faults: [] }, { option: true }],

  /** Opens a page in a context of its own (viewport, scheme …), after `before`; any fault on it fails the test. */
  open: async ({ browser, expected }, use) => {
    const contexts = [];
    const watched = [];
    await use(async (address, { before, ...options } = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      contexts.push(context);
      await context.addInitScript(rememberCharts);
      const page = await context.newPage();
      const origin = address.startsWith("http") ? new URL(address).origin : undefined;
      watched.push(watch(page, { origin, allow: expected.faults, scripts: options.javaScriptEnabled !== false }));
      await before?.(page);
      const response = await page.goto(address, { waitUntil: "commit" });
      return Object.assign(page, { answer: response });
    });
    for (const context of contexts) await context.close();
    expect(watched.flat(), "faults on the page").toEqual([]);
  },
});
