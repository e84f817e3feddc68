// On a wall nobody presses anything: the screen is kept awake, the picture wanders by a few pixels so that nothing burns in,
// and the page is loaded anew once a night.

/** How far the picture wanders, pixels of a screen 1920 wide, and how long each step lasts. */
const DRIFT = 6;
const DRIFT_MS = 60_000;
/** The hour of the night, by the wall's own clock. */
const NIGHT_HOUR = 4;

/** What keeps the screen awake, until the browser takes it back. */
let awake;

async function stayAwake() {
  if (document.hidden || awake?.released === false) return;
  try {
    // Plain HTTP has no wake lock; there the screen's own settings must do.
    awake = await navigator.wakeLock?.request("screen");
  } catch {
    // Refused, such as on low battery: it is asked for again within a minute, and when the page comes into sight.
  }
}

function wander(step) {
  // A slow circle of eight places: the CSSOM may set what the content security policy forbids in HTML.
  const angle = (step % 8) * (Math.PI / 4);
  const [x, y] = [Math.cos(angle), Math.sin(angle)].map((part) => Math.round(part * DRIFT));
  document.getElementById("main")?.style.setProperty("translate", `calc(${x} * var(--k)) calc(${y} * var(--k))`);
}

/** The next time that the page is loaded anew: at night, and not all walls in the same minute. */
export function nextNight(now, chance) {
  const night = new Date(now);
  night.setHours(NIGHT_HOUR, Math.floor(chance * 60), 0, 0);
  // In that hour it has just been done.
  if (night <= now || now.getHours() === NIGHT_HOUR) night.setDate(night.getDate() + 1);
  return night;
}

export function start(reload) {
  stayAwake();
  document.addEventListener("visibilitychange", stayAwake);
  let step = 0;
  setInterval(() => {
    wander((step += 1));
    stayAwake();
  }, DRIFT_MS);
  // For who watches over the browser from outside: a title that stands still tells of a renderer that is gone. By the
  // browser's clock: the wall's stands still, too, while the server is away.
  const { title } = document;
  setInterval(() => {
    document.title = `${new Date().toTimeString().slice(0, 5)} · ${title}`;
  }, DRIFT_MS / 6);
  let night = nextNight(new Date(), Math.random());
  // Looked at often, since the machine may sleep or its clock be set.
  setInterval(() => {
    if (new Date() < night) return;
    night = nextNight(new Date(), Math.random());
    reload();
  }, DRIFT_MS);
}
