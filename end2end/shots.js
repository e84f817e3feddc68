#!/usr/bin/env node
// Pictures of every page for the documentation: two widths, two schemes, two languages, over some minutes of a load
// (SHOTS_SECONDS, 310) that gives them something to show. An argument names a single page, such as `resources`.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { launchOptions } from "./lib/chromium.js";
import { PATHS, drawn, live } from "./lib/page.js";
import { newPostgres } from "./lib/postgres.js";
import { startServer } from "./lib/server.js";
import { smaller } from "./lib/small-png.js";

const SECONDS = Number(process.env.SHOTS_SECONDS ?? 310);
const folder = fileURLToPath(new URL("shots/", import.meta.url));
// What else runs on the machine that takes the pictures is nobody's business.
const BLUR = '[data-panel="resources.processes"] tbody th { filter: blur(5px) }';
const [only] = process.argv.slice(2);
const VIEWPORTS = [{ width: 1440, height: 900 }, { width: 390, height: 844 }];

const database = await newPostgres();
await database.bench("-i", "-s", "1", "-q");
const server = await startServer({ config: `[site]\ntimezone = "Asia/Tokyo"\n\n${database.table()}` });
// Until the server is stopped.
const transactions = database.bench("-c", "4", "-j", "1", "-T", String(SECONDS + 240), "-R", "120");
const schedule = ["/=9", "/groups/api=5", "/groups/resources?window=1m=4", "/panels/api.latency.json=6", "/panels/resources.cpu.svg=3", "/healthz=2", "/nothing=0.4"];
const send = fileURLToPath(new URL("load/send.js", import.meta.url));
const load = spawn(process.execPath, [send, server.url("/"), String(SECONDS + 240), ...schedule], { stdio: "ignore" });
const browser = await chromium.launch(launchOptions);
mkdirSync(folder, { recursive: true });
try {
  await delay(SECONDS * 1000);
  for (const path of PATHS) {
    const name = path === "/" ? "overview" : path.split("/").pop();
    if (only && only !== name) continue;
    for (const viewport of VIEWPORTS) {
      for (const scheme of ["dark", "light"]) {
        for (const language of ["ja", "en"]) {
          const touch = viewport.width < 500;
          const page = await browser.newPage({ viewport, hasTouch: touch, isMobile: touch });
          await page.goto(server.url(`${path}?lang=${language}&theme=${scheme}`));
          await live(page);
          await drawn(page);
          await page.evaluate((css) => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(css);
            document.adoptedStyleSheets = [sheet];
          }, BLUR);
          // Charts below the fold are drawn when they come into sight.
          const height = await page.evaluate(() => document.documentElement.scrollHeight);
          await page.setViewportSize({ width: viewport.width, height: Math.min(height, 8000) });
          await drawn(page);
          const picture = await page.screenshot({ fullPage: true, animations: "disabled" });
          writeFileSync(`${folder}${name}-${viewport.width}-${scheme}-${language}.png`, smaller(picture));
          await page.close();
        }
      }
    }
  }
} finally {
  load.kill();
  await browser.close();
  await server.stop();
  await database.stop();
  await transactions;
}
