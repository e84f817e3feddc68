// What a Keiki page says about itself, read by the attributes that are its contract.

export const GROUPS = ["api", "database", "cache", "resources", "queue", "users"];
export const PATHS = ["/", ...GROUPS.map((group) => `/groups/${group}`)];

/** Waits until the page is hydrated and its stream runs. */
export async function live(page, timeout = 20_000) {
  await page.locator('html[data-link="live"]').waitFor({ state: "attached", timeout });
}

/** Gives the streams that a browser context, or a page, holds open. */
export function openStreams(watched) {
  const open = new Set();
  const isStream = (request) => new URL(request.url()).pathname.endsWith("/api/live");
  watched.on("request", (request) => isStream(request) && open.add(request));
  for (const end of ["requestfinished", "requestfailed"]) watched.on(end, (request) => open.delete(request));
  // Of a page that was closed nothing more is told.
  return () => [...open].filter((request) => !request.frame().isDetached() && !request.frame().page().isClosed());
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
        const name = (node) => {
          const element = node?.nodeType === 3 ? node.parentElement : node;
          if (!element) return "gone";
          const panel = element.closest?.("[data-panel]")?.dataset.panel;
          return `${panel ?? ""} ${element.nodeName.toLowerCase()}.${element.className?.baseVal ?? element.className} ${node.textContent.slice(0, 20)}`;
        };
        const collect = (list) => {
          for (const { value, sources, startTime } of list.getEntries()) {
            const moves = sources.map(({ node, previousRect: from, currentRect: to }) => `${name(node)}: ${from.x},${from.y} → ${to.x},${to.y}`);
            shifts.push({ value, at: startTime, moves });
          }
        };
        new PerformanceObserver(collect).observe({ type: "layout-shift", buffered: true });
        // Buffered entries are delivered before the next frame.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(shifts)));
      }),
  );
}

/** What makes the page scroll sideways: the elements that reach beyond its width and are not inside a scroller. */
export function overflowing(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    /** The element by which this one is cut, if any: absolute ones are only cut from their containing block on. */
    const scroller = (element) => {
      for (let box = element; box && box !== document.body; ) {
        const { position } = getComputedStyle(box);
        box = position === "absolute" ? box.offsetParent : box.parentElement;
        if (box && box !== document.body && getComputedStyle(box).overflowX !== "visible") return box;
      }
      return null;
    };
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > width + 0.5 && !scroller(element));
    return [`${document.documentElement.scrollWidth} of ${width}`, ...wide.slice(0, 10).map((element) => element.outerHTML.slice(0, 100))];
  });
}

/** Waits until every chart in sight is drawn by script. */
export async function drawn(page) {
  await page.waitForFunction(() => {
    const inSight = (chart) => chart.getBoundingClientRect().top < innerHeight && chart.getBoundingClientRect().bottom > 0;
    return [...document.querySelectorAll(".chart")].filter(inSight).every((chart) => chart.dataset.chart === "live");
  });
}
