// The keyboard: every key presses something that is on the page, so that there is one way for each thing. `?` lists them.
const KEYS = [
  ["?", "このキー一覧", "this list", () => show()],
  ["Space", "一時停止・再開", "pause or go live", undefined],
  ["0", "概要", "the overview", () => press(".tabs nav a")],
  ["1 – 6", "グループ", "a group", undefined],
  ["[", "短い期間", "a shorter window", () => resize(-1)],
  ["]", "長い期間", "a longer window", () => resize(1)],
  [",", "前の期間", "the time before", () => press(".span a.earlier")],
  [".", "次の期間", "the time after", () => press(".span a.later")],
  ["+", "期間を狭める", "zoom in", () => press(".span a.narrower")],
  ["-", "期間を広げる", "zoom out", () => press(".span a.wider")],
  ["n", "現在へ戻る", "back to now", () => press(".span a.now")],
  ["t", "グラフのデータ表を開閉", "data tables of the charts", () => tables()],
  ["c", "配色を切り替え", "the next colours", () => step(".theme a", 1, true)],
  ["l", "言語を切り替え", "the other language", () => step(".lang a", 1, true)],
];

const isJapanese = () => document.documentElement.lang === "ja";

function press(selector, place = 0) {
  document.querySelectorAll(selector)[place]?.click();
}

/** Presses the neighbour of the chosen one. */
function step(selector, by, around = false) {
  const all = [...document.querySelectorAll(selector)];
  const place = all.findIndex((link) => link.hasAttribute("aria-current")) + by;
  all.at(around ? place % all.length : place < 0 ? all.length : place)?.click();
}

/** Presses the next shorter or longer window; of a stretch that is none of them, by its length. */
function resize(by) {
  const all = [...document.querySelectorAll(".windows a")];
  const chart = document.querySelector(".chart[data-from]");
  if (!chart || all.some((link) => link.hasAttribute("aria-current"))) return step(".windows a", by);
  const length = (Number(chart.dataset.to) - Number(chart.dataset.from)) / 1000;
  const fits = all.filter(({ dataset }) => (Number(dataset.seconds) - length) * by > 0);
  fits.at(by > 0 ? 0 : -1)?.click();
}

function tables() {
  const all = [...document.querySelectorAll("details.data")];
  const open = !all.some((details) => details.open);
  for (const details of all) details.open = open;
}

function show() {
  const dialog = document.createElement("dialog");
  dialog.className = "keys-help";
  const title = document.createElement("h2");
  title.textContent = isJapanese() ? "キーボード操作" : "Keys";
  dialog.setAttribute("aria-label", title.textContent);
  const list = document.createElement("dl");
  for (const [key, ja, en] of KEYS) {
    const [term, what] = [document.createElement("dt"), document.createElement("dd")];
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap);
    what.textContent = isJapanese() ? ja : en;
    list.append(term, what);
  }
  const close = document.createElement("button");
  close.className = "button";
  close.textContent = isJapanese() ? "閉じる" : "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, list, close);
  dialog.addEventListener("close", () => dialog.remove());
  // A press beside it closes it.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

export function start() {
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName))) return;
    const run = KEYS.find(([name]) => name === key)?.[3];
    if (run) run();
    else if (/^[1-6]$/.test(key)) press(".tabs nav a", Number(key));
    else return;
    event.preventDefault();
  });
}
