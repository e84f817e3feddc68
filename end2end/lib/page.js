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

/** The points of a panel's data table: one array per series, oldest first; its times as the table writes them. */
export async function tablePoints(page, panel) {
  const details = page.locator(`section[data-panel="${panel}"] details.data`);
  if (!(await details.evaluate((element) => element.open))) await details.locator("summary").click();
  await details.locator("tbody tr").first().waitFor();
  return details.evaluate((element) => {
    const cell = (td) => {
      const raw = td.dataset.value ?? td.querySelector("[data-value]")?.dataset.value;
      return raw === undefined || raw === "" ? null : Number(raw);
    };
    const rows = [...element.querySelectorAll("tbody tr")];
    return {
      times: rows.map((row) => row.cells[0].textContent.trim()),
      columns: [...rows[0].cells].slice(1).map((_, column) => rows.map((row) => cell(row.cells[column + 1]))),
    };
  });
}
