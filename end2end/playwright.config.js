import { defineConfig } from "@playwright/test";
import { launchOptions } from "./lib/chromium.js";

export default defineConfig({
  testDir: "tests",
  outputDir: "results/playwright",
  workers: Number(process.env.WORKERS ?? 2),
  // A test that passes only at the second try hides a race.
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: { launchOptions, locale: "en-GB", timezoneId: "Asia/Tokyo" },
});
