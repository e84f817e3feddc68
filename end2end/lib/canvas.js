// What ECharts really draws: the points it was given, which no attribute of the page tells.

/** Before the page's own scripts: keeps every chart that is made, by its element. To be given to `addInitScript`. */
export function rememberCharts() {
  const charts = new Map();
  let echarts;
  Object.defineProperty(window, "chartsOfTest", { value: charts });
  Object.defineProperty(window, "echarts", {
    configurable: true,
    get: () => echarts,
    set(given) {
      const init = (element, ...more) => {
        const chart = given.init(element, ...more);
        charts.set(element, chart);
        return chart;
      };
      echarts = { ...given, init };
    },
  });
}

/** The points of a panel's series on its slots: place of the slot to height, a share of the plot; gaps are left out. */
export function drawnPoints(page, panel, slots) {
  return page.evaluate(
    ([id, count]) => {
      const chart = window.chartsOfTest.get(document.querySelector(`section[data-panel="${id}"] .chart .canvas`));
      return chart
        .getModel()
        .getSeries()
        .map((series) => {
          const data = series.getRawData();
          const points = {};
          for (let place = 0; place < data.count(); place += 1) {
            const [x, y] = [data.get("x", place), data.get("y", place)];
            // A point stands at the end of its slot.
            const slot = x * count - 1;
            if (Number.isFinite(y) && Math.abs(slot - Math.round(slot)) < 1e-6) points[Math.round(slot)] = y;
          }
          return points;
        });
    },
    [panel, slots],
  );
}

/**
 * Whether drawn points are those of a panel's JSON: the same slots, and heights in one proportion to the values. Gives
 * the first difference, or nothing.
 */
export function difference(drawn, { series, step, from }) {
  if (drawn.length < series.length) return `${drawn.length} series instead of ${series.length}`;
  const wanted = series.map(({ points }) => points.map(([time, value]) => [(time - from) / (step * 1000), value]).filter(([, value]) => value !== null));
  const [sum, height] = [wanted, drawn.map(Object.entries)].map((all) => all.flat().reduce((total, [, value]) => total + value, 0));
  const scale = sum === 0 ? 0 : height / sum;
  for (const [place, points] of wanted.entries()) {
    const found = drawn[place];
    if (Object.keys(found).length !== points.length) return `series ${place}: ${Object.keys(found).length} points instead of ${points.length}`;
    for (const [slot, value] of points) {
      if (!(Math.abs(found[slot] - value * scale) <= 0.002)) return `series ${place}, slot ${slot}: ${found[slot]} instead of ${value * scale}`;
    }
  }
  return undefined;
}
