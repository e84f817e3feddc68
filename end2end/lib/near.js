// Two measurements of one thing.
import { expect } from "./test.js";

/** A check that Keiki's figure is within a share of another's, whose name is printed beside both. */
export const nearTo = (other, within) => (actual, expected, what) => {
  const off = Math.abs(actual - expected) / expected;
  const short = (figure) => Number(figure.toPrecision(5));
  console.log(`  ${what.padEnd(34)} ${other} ${short(expected)}  Keiki ${short(actual)}  ${(off * 100).toFixed(2)} %`);
  expect(off, `${what}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(within);
};

/**
 * The seconds that a panel's rate is over: those of the window, less one where the machine stalled and the newest reading
 * came after its second had been published.
 */
export function span({ from, to, stats }, events) {
  const seconds = (to - from) / 1000;
  const off = (span) => Math.abs(stats.rate * span - events);
  return off(seconds - 1) < off(seconds) ? seconds - 1 : seconds;
}

/**
 * The mean without the tenth of the values that is highest and the tenth that is lowest: where the machine stalls, what was
 * late comes in the next second, all at once.
 */
export function middle(values) {
  const sorted = values.toSorted((one, two) => one - two);
  const kept = sorted.slice(Math.floor(sorted.length / 10), Math.ceil((sorted.length * 9) / 10));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}
