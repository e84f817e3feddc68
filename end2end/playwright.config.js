import { statfsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import { launchOptions } from "./lib/chromium.js";

// What the servers and browsers of the tests write lies in memory where there is room: a new history alone syncs nearly two
// hundred times, and how long a disk that others use takes for that is none of these tests' business. The tests of the
// store and the benches keep to the disk.
const MEMORY = "/dev/shm";
try {
  const { bavail, bsize } = statfsSync(MEMORY);
  if (bavail * bsize > 4 * 2 ** 30) process.env.TMPDIR ??= MEMORY;
} catch {
  // This system has none.
}

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
