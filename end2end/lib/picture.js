// Comparing two drawings of one thing, made by different means: text and edges are smoothed differently, so that not
// pixels are compared but ink: whatever differs from the ground must have ink of its colour nearby in the other one.
import { PNG } from "pngjs";

/** Differences of colour below this are smoothing (sum over the three channels). */
const GROUND = 60;
const COLOUR = 200;
/** Smoothing mixes a colour with its ground: colours are alike if they lead away from it in one direction (cosine). */
const DIRECTION = 0.98;

function ground({ data }) {
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const [colour] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most));
  return [colour >> 16, (colour >> 8) & 255, colour & 255];
}

const distance = (data, at, [red, green, blue]) => Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);

/** Whether two pixels, each over its ground, are of one colour, however much of it there is. */
function alike(one, at, under, two, there, over) {
  let [both, first, second, apart] = [0, 0, 0, 0];
  for (let channel = 0; channel < 3; channel += 1) {
    const from = one[at + channel] - under[channel];
    const to = two[there + channel] - over[channel];
    both += from * to;
    first += from * from;
    second += to * to;
    apart += Math.abs(one[at + channel] - two[there + channel]);
  }
  return apart < COLOUR || both > DIRECTION * Math.sqrt(first * second);
}

/** The share of `one`'s ink that has ink of a like colour within `reach` pixels in `two`. */
function covered(one, two, reach) {
  const { width, height } = one;
  const [under, other] = [ground(one), ground(two)];
  let ink = 0;
  let found = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4;
      if (distance(one.data, at, under) < GROUND * 2) continue;
      ink += 1;
      if (near(two, x, y, reach, other, (there) => alike(one.data, at, under, two.data, there, other))) found += 1;
    }
  }
  return { ink, share: ink === 0 ? 1 : found / ink };
}

/** Whether there is ink within `reach` pixels that is as wanted. */
function near({ data, width, height }, x, y, reach, under, wanted) {
  for (let down = Math.max(0, y - reach); down <= Math.min(height - 1, y + reach); down += 1) {
    for (let right = Math.max(0, x - reach); right <= Math.min(width - 1, x + reach); right += 1) {
      const at = (down * width + right) * 4;
      if (distance(data, at, under) >= GROUND && wanted(at)) return true;
    }
  }
  return false;
}

/** How alike two PNGs are: the lesser share of ink that is found again, and how much ink there is. */
export function likeness(one, two, reach = 2) {
  const [a, b] = [PNG.sync.read(one), PNG.sync.read(two)];
  if (a.width !== b.width || a.height !== b.height) {
    return { share: 0, ink: 0, reason: `${a.width}×${a.height} and ${b.width}×${b.height}` };
  }
  const [there, back] = [covered(a, b, reach), covered(b, a, reach)];
  return { share: Math.min(there.share, back.share), ink: Math.min(there.ink, back.ink), there: there.share, back: back.share };
}
