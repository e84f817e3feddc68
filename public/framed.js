// In a frame: tells the page around it that the panel is there, how high it is, and how it fares.
//
// Only the page that frames this one is answered, and only once it has asked; which pages may frame it at all the server
// has told the browser (frame-ancestors).
let host;
let before = "";

function tell() {
  const main = document.getElementById("main");
  const panel = main?.querySelector("[data-panel]");
  const { state, status } = panel?.dataset ?? {};
  const said = { keiki: "here", height: Math.ceil(main.getBoundingClientRect().height), state, status };
  const text = JSON.stringify(said);
  if (!host || text === before) return;
  before = text;
  parent.postMessage(said, host);
}

export function start() {
  if (parent === window) return;
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || data?.keiki !== "hello" || origin === "null") return;
    host = origin;
    before = "";
    // Whoever gives no height gets one: then the panel is as high as its content.
    document.documentElement.toggleAttribute("data-fit", data.fit === true);
    tell();
  });
  const main = document.getElementById("main");
  new ResizeObserver(tell).observe(main);
  new MutationObserver(tell).observe(main, { subtree: true, attributeFilter: ["data-state", "data-status"] });
}
