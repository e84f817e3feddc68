// A reader of server-sent events (WHATWG HTML, 9.2) over node:http, for streams of any length.
import http from "node:http";
import { StringDecoder } from "node:string_decoder";
import { within } from "./until.js";

/** Splits a stream's text into events. A comment comes as `{ comment }`. */
export class Parser {
  #decoder = new StringDecoder("utf8");
  #rest = "";

  /** The events that end within this chunk. */
  push(chunk) {
    const blocks = (this.#rest + this.#decoder.write(chunk)).split("\n\n");
    this.#rest = blocks.pop();
    return blocks.filter(Boolean).map(parse);
  }
}

function parse(block) {
  const event = { event: "message", text: block, bytes: Buffer.byteLength(block) + 2, at: Date.now() };
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "") event.comment = value;
    else if (field === "data") data.push(value);
    else if (field === "event" || field === "id") event[field] = value;
  }
  if (data.length > 0) {
    event.data = data.join("\n");
    delete event.comment;
  }
  return event;
}

/** An open stream. `next()` gives one event after the other; `null` is its end. */
class Stream {
  #events = [];
  #wake;
  #ended = false;
  bytes = 0;

  constructor(request, response) {
    this.request = request;
    this.status = response.statusCode;
    this.headers = response.headers;
    const parser = new Parser();
    const wake = () => this.#wake?.();
    response.on("data", (chunk) => {
      this.bytes += chunk.length;
      this.#events.push(...parser.push(chunk));
      wake();
    });
    const end = () => {
      this.#ended = true;
      wake();
    };
    response.once("close", end);
    response.once("error", end);
  }

  /** The next event or comment. */
  async any(timeout = 15_000) {
    while (this.#events.length === 0) {
      if (this.#ended) return null;
      await within("an event", timeout, new Promise((resolve) => (this.#wake = resolve)));
    }
    return this.#events.shift();
  }

  /** The next event, its data parsed. */
  async next(timeout) {
    for (;;) {
      const event = await this.any(timeout);
      if (event === null) return null;
      if (event.data !== undefined) return { ...event, data: JSON.parse(event.data) };
    }
  }

  close() {
    this.request.destroy();
  }
}

/** Opens a stream; rejects when the answer is none, with its status and text. */
export function openStream(address, { headers = {}, timeout = 10_000 } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.get(address, { headers: { accept: "text/event-stream", ...headers }, agent: false });
    const late = setTimeout(() => request.destroy(new Error(`${address}: no answer within ${timeout} ms`)), timeout);
    request.once("close", () => clearTimeout(late));
    request.once("error", reject);
    request.once("response", (response) => {
      clearTimeout(late);
      if (response.headers["content-type"]?.startsWith("text/event-stream") && response.statusCode === 200) {
        request.on("error", () => {});
        resolve(new Stream(request, response));
        return;
      }
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.once("end", () => {
        const { statusCode: status, headers } = response;
        reject(Object.assign(new Error(`${address}: ${status} ${text}`), { status, headers, text }));
      });
    });
  });
}
