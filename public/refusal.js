// A page in a frame that says why there is no panel: it answers as a panel does, so that its sentence is seen.
addEventListener("message", ({ source, origin, data }) => {
  if (parent === window || source !== parent || data?.keiki !== "hello" || origin === "null") return;
  const { height } = document.querySelector("main").getBoundingClientRect();
  parent.postMessage({ keiki: "here", height: Math.ceil(height), state: "error" }, origin);
});
