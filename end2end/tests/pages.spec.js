// Every page in every width, scheme and language: complete, silent, still, and live.
import { mkdirSync } from "node:fs";
import { GROUPS, PATHS, drawn, figures, layoutShifts, live, overflowing } from "../lib/page.js";
import { expect, test } from "../lib/test.js";

const RESULTS = process.env.SHOTS ?? "results/pages";
mkdirSync(RESULTS, { recursive: true });

const VIEWPORTS = { 1440: { width: 1440, height: 900 }, 390: { width: 390, height: 844 } };

/** Marks when the HTML has been painted as a whole: a busy browser paints half a document too, where nothing has its place. */
function markWhole() {
  const mark = () => requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("whole")));
  document.addEventListener("readystatechange", mark, { once: true });
}

for (const path of PATHS) {
  const name = path === "/" ? "overview" : path.split("/").pop();
  for (const [width, viewport] of Object.entries(VIEWPORTS)) {
    for (const scheme of ["dark", "light"]) {
      for (const language of ["ja", "en"]) {
        test(`${name} ${width} ${scheme} ${language}`, async ({ server, open }) => {
          const touch = width === "390" ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {};
          const before = (fresh) => fresh.addInitScript(markWhole);
          const page = await open(server.url(`${path}?lang=${language}&theme=${scheme}`), { viewport, before, ...touch });
          expect(page.answer.status()).toBe(200);
          expect(page.answer.headers()["content-language"]).toBe(language);
          await live(page);
          await drawn(page);
          expect(await page.locator("html").getAttribute("lang")).toBe(language);
          expect(await overflowing(page)).toEqual([]);
          const panels = await page.locator("section[data-panel]").count();
          expect(panels).toBeGreaterThanOrEqual(name === "overview" ? GROUPS.length : 1);
          const states = await page.evaluate(() => [...document.querySelectorAll("section[data-panel]")].map(({ dataset }) => dataset.state));
          expect(states.filter((state) => !["live", "stale", "empty", "error"].includes(state))).toEqual([]);
          if (name === "resources" || name === "overview") {
            const first = await figures(page);
            const moved = async () => JSON.stringify(await figures(page)) !== JSON.stringify(first);
            await expect.poll(moved, { timeout: 3_000, message: "figures move within 3 s" }).toBe(true);
          }
          // Text that gets longer moves what stands beside it; nothing else may.
          const whole = await page.evaluate(() => performance.getEntriesByName("whole")[0].startTime);
          const shifts = (await layoutShifts(page)).filter(({ at }) => at > whole);
          expect(shifts.reduce((sum, { value }) => sum + value, 0), JSON.stringify(shifts, null, 1)).toBeLessThan(0.005);
          await page.screenshot({ path: `${RESULTS}/${name}-${width}-${scheme}-${language}.png`, fullPage: true, animations: "disabled" });
        });
      }
    }
  }
}

for (const path of PATHS) {
  for (const [width, viewport] of Object.entries(VIEWPORTS)) {
    test(`hydration moves nothing: ${path} at ${width}`, async ({ server, open }) => {
      const page = await open("about:blank", { viewport });
      // The stream is held back, so that all that happens is the take-over of the server's HTML, and that until the HTML
      // has been painted as a whole.
      await page.route("**/api/live?*", () => {});
      let painted;
      await page.route("**/*.wasm", async (route) => {
        await page.waitForFunction(() => document.readyState !== "loading");
        const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));
        painted = await page.evaluate(frames);
        await route.continue();
      });
      await page.goto(server.url(path), { waitUntil: "commit" });
      await page.locator("html[data-link]").waitFor({ state: "attached" });
      await drawn(page);
      expect(painted).toBeGreaterThan(0);
      expect((await layoutShifts(page)).filter(({ at }) => at > painted)).toEqual([]);
    });
  }
}

test("an empty group says in one sentence how to feed it", async ({ server, open }) => {
  const page = await open(server.url("/groups/users?lang=en"));
  await live(page);
  const panel = page.locator('section[data-panel="users.apdex"]');
  await expect(panel).toHaveAttribute("data-state", "empty");
  await expect(panel.locator(".message p").first()).toHaveText(/\S.*\.$/);
});
