// Waiting for a condition instead of for a time.
import { setTimeout as delay } from "node:timers/promises";

/** Calls `check` until it returns something truthy, and returns that; the error of the last try tells why it never did. */
export async function until(what, check, { timeout = 15_000, every = 50 } = {}) {
  const deadline = performance.now() + timeout;
  let reason;
  do {
    try {
      const found = await check();
      if (found) return found;
      reason = undefined;
    } catch (error) {
      reason = error;
    }
    await delay(every);
  } while (performance.now() < deadline);
  throw new Error(`${what}: not within ${timeout} ms${reason ? ` (${reason.message})` : ""}`, { cause: reason });
}

/** Rejects when a promise takes too long. */
export async function within(what, timeout, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeout} ms`)), timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
