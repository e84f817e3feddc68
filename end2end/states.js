#!/usr/bin/env node
// Pictures of every state of a panel for the documentation, each brought about for real: a server too many for this
// machine's cores (critical), a database that nobody started (error), groups that nothing feeds (empty), a server that
// stands still (stale, the stream lost), and what is left (normal).
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { launchOptions } from "./lib/chromium.js";
import { drawn, live } from "./lib/page.js";
import { freePort } from "./lib/port.js";
import { startServer } from "./lib/server.js";
import { smaller } from "./lib/small-png.js";

const folder = fileURLToPath(new URL("shots/", import.meta.url));
const config = `[site]\ntimezone = "Asia/Tokyo"\n\n[[postgres]]\nname = "shop-db"\nurl = "postgresql://keiki@127.0.0.1:${await freePort()}/shop"\n`;
const server = await startServer({ config });
const browser = await chromium.launch(launchOptions);
const load = spawn(process.execPath, [fileURLToPath(new URL("load/send.js", import.meta.url)), server.url("/"), "300", "/=9", "/groups/api=5", "/healthz=2"], { stdio: "ignore" });
const busy = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
try {
  await delay(45_000);
  const looks = [["dark", "en"], ["light", "ja"]];
  const pages = [];
  for (const [scheme, language] of looks) {
    for (const [name, path, viewport] of [
      ["overview", "/", { width: 1440, height: 900 }],
      ["phone", "/", { width: 390, height: 844 }],
      ["kiosk", "/kiosk", { width: 1920, height: 1080 }],
    ]) {
      const page = await browser.newPage({ viewport });
      await page.goto(server.url(`${path}?lang=${language}&theme=${scheme}`));
      await live(page);
      await drawn(page);
      pages.push({ page, name: `${name}-${scheme}-${language}` });
    }
  }
  const take = async (state) => {
    for (const { page, name } of pages) {
      await page.bringToFront();
      await delay(1_500);
      const fullPage = name.startsWith("overview");
      writeFileSync(`${folder}state-${state}-${name}.png`, smaller(await page.screenshot({ fullPage, animations: "disabled" })));
    }
  };
  await take("live");
  server.signal("SIGSTOP");
  for (const { page } of pages) await page.locator('html[data-link="lost"]').waitFor({ state: "attached", timeout: 60_000 });
  await take("lost");
} finally {
  busy.forEach((child) => child.kill());
  load.kill();
  await browser.close();
  await server.stop();
}
