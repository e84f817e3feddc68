// The strip at the foot: what of it needs a script. A drag across a chart asks for the stretch under it; `now` moves on
// while the page is open, so that "earlier" means earlier than what is seen.
const MIN_PX = 6;
const MIN_MS = 10_000;

/** The address of this page over another stretch, Unix milliseconds. */
function address(from, to) {
  const url = new URL(location.href);
  url.searchParams.delete("window");
  url.searchParams.set("from", String(from));
  url.searchParams.set("to", String(to));
  return url.href;
}

export function start() {
  const strip = document.querySelector("nav.span");
  if (!strip) return;
  const { now, until, window: seconds, step, pace } = strip.dataset;
  const slot = Number(step) * 1_000;
  const turn = Number(pace) * 1_000;
  const began = performance.now();
  const clock = () => Number(now) + performance.now() - began;
  /** The end of what is shown: fixed, or that of the newest slot. Of long slots the one that is open is shown, too. */
  const end = () => Math.ceil((until ? Number(until) : Math.floor(clock() / turn) * turn) / slot) * slot;
  const length = Number(seconds) * 1_000;

  if (!until) {
    const earlier = strip.querySelector("a.earlier");
    earlier?.addEventListener("click", () => (earlier.href = address(end() - 2 * length, end() - length)));
  }

  let drag;
  const mark = document.createElement("div");
  mark.className = "zoom";
  const place = ({ box, at }, x) => {
    const [left, right] = [Math.max(Math.min(at, x), box.left), Math.min(Math.max(at, x), box.right)];
    return { left, right, from: (left - box.left) / box.width, to: (right - box.left) / box.width };
  };
  const stop = () => {
    drag = undefined;
    mark.remove();
  };
  document.addEventListener("pointerdown", (event) => {
    const plot = event.target instanceof Element && event.target.closest(".chart")?.querySelector(".over");
    if (!plot || event.button !== 0 || event.pointerType === "touch") return;
    // A chart of the past shows what it came with, which may be in coarser slots than were asked for.
    const { from, to } = plot.closest(".chart").dataset;
    drag = { box: plot.getBoundingClientRect(), at: event.clientX, shown: until ? [Number(from), Number(to)] : undefined };
  });
  document.addEventListener("pointermove", ({ clientX, buttons }) => {
    if (!drag) return;
    // The button was let go where nobody saw it.
    if (!(buttons & 1)) return stop();
    if (!mark.isConnected) {
      if (Math.abs(clientX - drag.at) < MIN_PX) return;
      document.body.append(mark);
    }
    const { left, right } = place(drag, clientX);
    const { scrollX, scrollY } = globalThis;
    Object.assign(mark.style, { left: `${left + scrollX}px`, top: `${drag.box.top + scrollY}px`, width: `${right - left}px`, height: `${drag.box.height}px` });
  });
  document.addEventListener("pointerup", ({ clientX }) => {
    if (!drag) return;
    const dragged = mark.isConnected && place(drag, clientX);
    const [first, last] = drag.shown ?? [end() - length, end()];
    stop();
    if (!dragged) return;
    // Whole slots, and never less than what can be asked for.
    let from = Math.floor((first + dragged.from * (last - first)) / slot) * slot;
    let to = Math.min(Math.ceil((first + dragged.to * (last - first)) / slot) * slot, Math.floor(clock() / 1_000) * 1_000);
    const lacking = MIN_MS - (to - from);
    if (lacking > 0) {
      from -= Math.ceil(lacking / 2);
      to += Math.ceil(lacking / 2);
    }
    location.assign(address(Math.round(from), Math.round(to)));
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    if (drag) stop();
    const open = strip.querySelector("details[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // A menu closes when something else is pressed.
  const menus = [...strip.querySelectorAll("details")];
  document.addEventListener("click", ({ target }) => menus.forEach((menu) => menu.open && !menu.contains(target) && (menu.open = false)));

  for (const link of strip.querySelectorAll("a.png")) {
    link.hidden = false;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      png(link.href, link.download);
    });
  }
  for (const button of strip.querySelectorAll("button.remove")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const { api } = button.closest("[data-api]").dataset;
      const answer = await fetch(`${api}/${button.dataset.id}`, { method: "DELETE" }).catch(() => undefined);
      // Gone already is gone, too.
      if (!answer?.ok && answer?.status !== 404) return button.classList.add("failed");
      const notes = button.closest("details");
      const count = notes.querySelector("summary b");
      button.closest("li").remove();
      if (count) count.textContent = String(notes.querySelectorAll("li").length || "");
      notes.querySelector("summary").focus();
    });
  }
}

/** Draws a panel's picture at twice its size, and hands it over as a file. */
async function png(href, name) {
  const theme = getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "dark" : "light";
  const address = new URL(href);
  if (!address.searchParams.has("theme")) address.searchParams.set("theme", theme);
  const image = new Image();
  image.src = address.href;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth * 2, image.naturalHeight * 2];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
