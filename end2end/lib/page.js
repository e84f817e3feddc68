// What a Keiki page says about itself, read by the attributes that are its contract.

export const GROUPS = ["api", "database", "cache", "resources", "queue", "users"];
export const PATHS = ["/", ...GROUPS.map((group) => `/groups/${group}`)];

/** Waits until the page is hydrated and its stream runs. */
export async function live(page, timeout = 20_000) {
  await page.locator('html[data-link="live"]').waitFor({ state: "attached", timeout });
}

/** Every number of the page: `panel/stat`, with the table row it stands in, to the raw value. */
export function figures(page) {
  return page.evaluate(() => {
    const all = {};
    for (const element of document.querySelectorAll("[data-stat]")) {
      const panel = element.dataset.of ?? element.closest("[data-panel]").dataset.panel;
      const row = element.closest("[data-series]")?.dataset.series;
      all[[panel, row, element.dataset.stat].filter((part) => part !== undefined).join("/")] = element.dataset.value;
    }
    return all;
  });
}

/** The figures of one panel that are its own: stat to value (`null` where there is none). */
export function stats(page, panel) {
  return page.evaluate((id) => {
    const own = {};
    const section = document.querySelector(`section[data-panel="${id}"]`);
    for (const element of section.querySelectorAll("[data-stat]:not([data-of])")) {
      if (element.closest("[data-series]")) continue;
      const value = element.dataset.value;
      own[element.dataset.stat] = value === undefined || value === "" ? null : Number(value);
    }
    return own;
  }, panel);
}

/** Shifts of the layout since the page began (Layout Instability API), those after input included. */
export function layoutShifts(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        const shifts = [];
        const collect = (list) => {
          for (const entry of list.getEntries()) {
            const nodes = entry.sources.map(({ node }) => node?.className ?? node?.nodeName);
            shifts.push({ value: entry.value, nodes });
          }
        };
        new PerformanceObserver(collect).observe({ type: "layout-shift", buffered: true });
        // Buffered entries are delivered before the next frame.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts)));
      }),
  );
}

/** The elements that reach beyond the window's width, where the page scrolls sideways because of them. */
export function overflowing(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 0.5)
      .map((element) => `${element.nodeName}.${element.className?.baseVal ?? element.className}`)
      .slice(0, 10);
  });
}

/** Waits until every chart in sight is drawn by script. */
export async function drawn(page) {
  await page.waitForFunction(() => {
    const inSight = (chart) => chart.getBoundingClientRect().top < innerHeight && chart.getBoundingClientRect().bottom > 0;
    return [...document.querySelectorAll(".chart")].filter(inSight).every((chart) => chart.dataset.chart === "live");
  });
}
