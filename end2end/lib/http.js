// HTTP as it is on the wire: nothing decoded, followed or retried.
import http from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

/** Sends a GET (or `method`) and reads the whole answer. */
export function get(address, { method = "GET", headers = {}, agent = false, timeout = 10_000, path, body } = {}) {
  const { hostname, port, pathname, search } = new URL(address);
  return new Promise((resolve, reject) => {
    const began = performance.now();
    // `path` is sent as it is, where an URL would tidy it up.
    const request = http.request({ hostname, port, path: path ?? pathname + search, method, headers, agent, timeout });
    request.once("timeout", () => request.destroy(new Error(`${address}: no answer within ${timeout} ms`)));
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const raw = Buffer.concat(chunks);
        resolve({
          status: response.statusCode,
          headers: response.headers,
          raw,
          get body() {
            return decoded(raw, response.headers["content-encoding"]).toString("utf8");
          },
          milliseconds: performance.now() - began,
        });
      });
    });
    request.end(body);
  });
}

function decoded(raw, encoding) {
  if (encoding === "br") return brotliDecompressSync(raw);
  if (encoding === "gzip") return gunzipSync(raw);
  return raw;
}
