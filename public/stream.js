// The stream, as the app opens it: shared with the other pages that may share one.
import { Reader } from "./reader.js";
import { Share } from "./share.js";

/** Names the credential among those of this origin without telling it. */
function mark(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash.toString(36);
}

function channelOf(name) {
  try {
    return new BroadcastChannel(name);
  } catch {
    return undefined;
  }
}

/** What the app calls: `open` gives an object whose `read` waits for events and whose `close` ends it. */
export function start() {
  const base = document.documentElement.dataset.base ?? "";
  const token = new URLSearchParams(location.search).get("token");
  const connect = ({ views, since }, on, end) => {
    const query = new URLSearchParams({ views, since, ...(token && { token }) });
    return new Reader(`${base}/api/live?${query}`, on, end, !views.includes(","));
  };
  // The name of this file holds what is in it: those who talk with each other speak the same language.
  const name = ["keiki", base, mark(token ?? ""), mark(import.meta.url)].join(" ");
  const share = new Share((part) => channelOf(part ? `${name} ${part}` : name), connect);
  return {
    open(view, since) {
      const waiting = [];
      let ended;
      let wake = () => {};
      share.open(
        view,
        since,
        (events) => {
          for (const { event, data } of events) waiting.push(event ?? "", data);
          wake();
        },
        (wait) => {
          ended = { wait };
          wake();
        },
      );
      return {
        /** The events that came since the last call, names and data in turn; rejects at the end with the wait, if there is one. */
        async read() {
          while (waiting.length === 0) {
            if (ended) throw ended.wait;
            await new Promise((resolve) => (wake = resolve));
          }
          return waiting.splice(0);
        },
        close() {
          ended ??= {};
          share.close();
          wake();
        },
      };
    },
  };
}
