// The charts: as much of ECharts as Keiki's panels draw with, on a canvas, as the global that the WASM looks for.
// What is not imported here is not in the bundle, and an option for it is ignored without a word. Axes, targets, limits
// and names are drawn by the panel's own frame (app/src/chart), so that there are no marks, legends or titles here.
import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent, VisualMapPiecewiseComponent } from "echarts/components";
import { init, setPlatformAPI, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

// GridComponent and TooltipComponent bring axisPointer with them.
use([LineChart, BarChart, HeatmapChart, GridComponent, TooltipComponent, VisualMapPiecewiseComponent, CanvasRenderer]);

// Chromium keeps every text that a canvas context ever measured. With a time axis that moves each second the heap
// grows by megabytes an hour, so that the context is dropped, and what it kept with it, every so many texts.
const TEXTS_PER_CONTEXT = 500;
let context = null;
let measured = 0;
setPlatformAPI({
  measureText(text, font) {
    if (context === null || ++measured > TEXTS_PER_CONTEXT) {
      context = document.createElement("canvas").getContext("2d");
      measured = 0;
    }
    if (context.font !== font) {
      context.font = font || "12px sans-serif";
    }
    return context.measureText(text);
  },
});

window.echarts = {
  init(element) {
    const chart = init(element);
    // ECharts would ask for ten more frames of the browser, in which nothing changes. The next option wakes it.
    chart.on("finished", () => chart.getZr().animation.stop());
    return chart;
  },
};
