// Brings a page to life: loads the charts and the app, side by side, then lets the app take over the server's HTML.
// The file names hold content hashes, so that the build puts them in. Every URL is relative to this file: the page may
// live under any base path.
const load = (name) => new URL(name, import.meta.url);

// The three downloads start together; only hydration waits for all.
const wasm = fetch(load(WASM));
const glue = import(load(WASM_JS));
// Without the charts the page still has live numbers and the server's SVG: the app looks whether they are there.
const charts = import(load(ECHARTS)).catch((error) => console.warn("Keiki: the charts did not load.", error));

// A page that could not start, or go on, must not pass for a live one. It says so, and asks the server for newer HTML now and then.
const RETRY_SECONDS = 30;
let failed = false;
function fail(error) {
  if (failed) return;
  failed = true;
  console.error("Keiki: the page can't go on; it reloads instead.", error);
  document.documentElement.dataset.link = "lost";
  setTimeout(() => location.reload(), RETRY_SECONDS * 1000);
}

// The app has no way back from a failure of its own, and could not say so any more.
addEventListener("error", ({ error }) => error instanceof WebAssembly.RuntimeError && fail(error));
addEventListener("unhandledrejection", ({ reason }) => reason instanceof WebAssembly.RuntimeError && fail(reason));

try {
  const app = await glue;
  await app.default({ module_or_path: wasm });
  await charts;
  app.hydrate();
} catch (error) {
  fail(error);
}
