// Brings a page to life: loads the charts and the app, side by side, then lets the app take over the server's HTML.
// The file names hold content hashes, so that the build puts them in. Every URL is relative to this file: the page may
// live under any base path.
import * as framed from "./framed.js";
import * as keys from "./keys.js";
import * as kiosk from "./kiosk.js";
import { remember } from "./memory.js";
import * as span from "./span.js";
import * as stream from "./stream.js";

const load = (name) => new URL(name, import.meta.url);

// The app opens the stream by this, which already looks whether another tab has one, and remembers by it.
globalThis.keiki = { ...stream.start(), remember };

// The three downloads start together; only hydration waits for all.
const wasm = fetch(load(WASM));
const glue = import(load(WASM_JS));
// Without the charts the page still has live numbers and the server's SVG: the app looks whether they are there.
const charts = import(load(ECHARTS)).catch((error) => console.warn("Keiki: the charts did not load.", error));

/**
 * Loads the page anew as soon as the server answers: what a browser shows instead of a page never comes back by itself.
 * `refused` takes a refusal for an answer, too: Keiki's own page of it says what is the matter.
 */
const RETRY_MS = 2_000;
async function reload({ refused = false } = {}) {
  try {
    const { ok, status } = await fetch(location.href, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(3_000) });
    if (ok || (refused && (status === 401 || status === 403))) return location.reload();
  } catch {
    // Away: it is asked again.
  }
  setTimeout(reload, RETRY_MS, { refused });
}

// The app and the stream ask for it, too: for another build, and where nothing opens the stream any more.
addEventListener("keiki:reload", ({ detail }) => reload(detail ?? {}));

// A page that could not start, or go on, must not pass for a live one. It says so, and is loaded anew: after a while, so
// that a fault that comes at once does not come without end.
const FAILED_MS = document.body.className === "kiosk" ? 2_000 : 30_000;
let failed = false;
function fail(error) {
  if (failed) return;
  failed = true;
  console.error("Keiki: the page can't go on; it reloads instead.", error);
  document.documentElement.dataset.link = "lost";
  setTimeout(reload, FAILED_MS);
}

// Neither waits for the app: a frame is asked at once, and a wall must not depend on it.
if (document.body.className === "kiosk") {
  kiosk.start(reload);
  // Whatever it waits for: nobody stands there to press a key.
  setTimeout(() => document.documentElement.dataset.link ?? fail(new Error("not alive after half a minute")), 30_000);
}
if (document.body.className === "framed") framed.start();
if (document.body.className === "app") {
  // Where the groups do not fit, the one that is looked at is in view.
  const tabs = document.querySelector(".tabs nav");
  const chosen = tabs?.querySelector("[aria-current]");
  if (chosen) tabs.scrollLeft = chosen.offsetLeft - (tabs.clientWidth - chosen.offsetWidth) / 2;
  keys.start();
  span.start();
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
