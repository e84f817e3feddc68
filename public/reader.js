// One connection to the stream: what the server sends, cut into events.
import { remember } from "./memory.js";

/** How long an answer may take to begin, and how long nothing may come: the server is heard at least every ten seconds. */
const CONNECT_MS = 5_000;
const SILENCE_MS = 12_000;
/** A block without end is no event. */
const LONGEST = 16 << 20;

/**
 * Reads one connection. `on` takes its events, and none as soon as it is let in; `end` is called once it is of no more use, with a
 * wait and a status if it was refused.
 */
export class Reader {
  #abort = new AbortController();
  #closed = false;
  #timer;

  /** `sole` tells that nobody else's view is asked for. */
  constructor(url, on, end, sole) {
    this.#read(url, on, sole)
      .catch((refusal) => refusal)
      .then((refusal) => {
        if (this.#closed) return;
        this.close();
        end(refusal?.wait, refusal?.status);
      });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** What takes longer than this is given up. */
  async #within(ms, promise) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(), ms);
    return promise;
  }

  async #read(url, on, sole) {
    const { signal } = this.#abort;
    const answer = await this.#within(CONNECT_MS, fetch(url, { signal, cache: "no-store" }));
    // Of several views one may be another's that is not opened: each asks by itself then.
    if (answer.status === 401 || (answer.status === 403 && sole)) outside();
    if (!answer.ok) throw { status: answer.status, wait: 1_000 * Number(answer.headers.get("retry-after")) || undefined };
    on([]);
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await this.#within(SILENCE_MS, reader.read());
      if (done || this.#closed) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      if (rest.length > LONGEST) return;
      const events = blocks.map(parse).filter(({ data }) => data !== undefined);
      if (events.length > 0) on(events);
    }
  }
}

/** The login or the token is no longer good: loaded anew, the page says what is the matter. At most once a minute. */
function outside() {
  try {
    if (Date.now() - (history.state?.outside ?? 0) <= 60_000) return;
    remember("outside", Date.now());
    dispatchEvent(new CustomEvent("keiki:reload", { detail: { refused: true } }));
  } catch {
    // Without a memory of its own the page stays, and says that the stream is lost.
  }
}

/** A block of lines: `event`, `id` and `data`. Comments, which have no name, are none of ours. */
function parse(block) {
  const event = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (name === "event" || name === "id" || name === "data") {
      event[name] = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    }
  }
  return event;
}
