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
import { hostPage } from "./lib/host.js";
import { freePort } from "./lib/port.js";
import { until } from "./lib/until.js";
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
const hostPort = await freePort();
const server = await startServer({ config: `[site]\ntimezone = "Asia/Tokyo"\n\n[embed]\norigins = ["http://localhost:${hostPort}"]\n\n${database.table()}` });
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
  if (!only || only === "kiosk") {
    for (const [name, query, width, height, colorScheme] of [
      ["kiosk-1920-dark-ja", "lang=ja", 1920, 1080, "dark"],
      ["kiosk-1920-light-en", "lang=en", 1920, 1080, "light"],
      ["kiosk-one-1920-light-en", "lang=en&rotate=20&groups=api,database,cache,resources,queue,users", 1920, 1080, "light"],
      ["kiosk-one-1920-dark-ja", "lang=ja&rotate=20&groups=resources,database,api", 1920, 1080, "dark"],
      ["kiosk-1080-dark-ja", "lang=ja", 1080, 1920, "dark"],
    ]) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(server.url(`/kiosk?${query}`));
      await live(page);
      await drawn(page);
      writeFileSync(`${folder}${name}.png`, smaller(await page.screenshot({ animations: "disabled" })));
      await page.close();
    }
  }
  if (!only || only === "explore") {
    for (const [name, path] of [["sources", "/sources?"], ["explore", "/explore?q=http&"], ["metric", "/explore/http_server_request_duration_seconds~http_route?"]]) {
      for (const { width, height } of VIEWPORTS) {
        for (const [scheme, language] of [["dark", "ja"], ["light", "en"]]) {
          const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
          await page.goto(server.url(`${path}lang=${language}`));
          if (name === "metric") {
            await live(page);
            await drawn(page);
          }
          writeFileSync(`${folder}${name}-${width}-${scheme}-${language}.png`, smaller(await page.screenshot({ animations: "disabled" })));
          await page.close();
        }
      }
    }
  }
  if (!only || only === "embed") {
    const sizes = (theme, ground) => ["200 × 120", "320 × 200", "640 × 360"].map((size) => {
      const [width, height] = size.split(" × ");
      return `<keiki-panel panel="api.latency" lang="en" theme="${theme}" ground="${ground}" height="${height}" style="width:${width}px"></keiki-panel>`;
    }).join("");
    const rows = [["#ffffff", "light", "plate"], ["#16202b", "dark", "plate"], ["#f3eadb", "light", "transparent"]];
    const html = rows.map(([colour, theme, ground]) => `<div style="display:flex;gap:16px;padding:16px;background:${colour}">${sizes(theme, ground)}</div>`);
    const host = await hostPage(() => `<!doctype html><meta charset="utf-8"><body style="margin:0"><script src="${server.url("/embed.js")}" async></script>${html.join("")}`, hostPort);
    const page = await browser.newPage({ viewport: { width: 1240, height: 1176 }, colorScheme: null });
    await page.goto(host.origin);
    const frames = () => page.frames().filter((frame) => frame.url().includes("/embed/"));
    const links = () => Promise.all(frames().map((frame) => frame.evaluate(() => document.documentElement.dataset.link)));
    await until("nine frames are live", async () => (await links()).filter((link) => link === "live").length === 9, { timeout: 30_000 });
    await delay(3_000);
    writeFileSync(`${folder}embed-1240.png`, smaller(await page.screenshot({ animations: "disabled" })));
    await page.goto(server.url("/embed?lang=ja&page=https%3A%2F%2Fadmin.example.com%2Fops"));
    await delay(2_000);
    writeFileSync(`${folder}embed-builder-ja.png`, smaller(await page.screenshot({ fullPage: true, animations: "disabled" })));
    await page.close();
    await host.close();
  }
} finally {
  load.kill();
  await browser.close();
  await server.stop();
  await database.stop();
  await transactions;
}
