// A program with a large page of metrics: counters, gauges and histograms of a web service, other values from time to time.
import { createServer } from "node:http";

const BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
/** Lines of one histogram: its buckets, sum and count. */
const PARTS = BOUNDS.length + 2;

/** How many samples a page of so many counters and gauges and so many histograms has. */
export const samplesOf = ({ numbers, histograms }) => numbers + histograms * PARTS;

function page({ numbers, histograms }, round) {
  const lines = [];
  const labels = (n) => `service="shop-backend",method="${["GET", "POST", "PUT"][n % 3]}",queue="/api/v1/items/${n}",zone="eu-central-1a"`;
  for (let family = 0; family < 100; family += 1) {
    const counts = family % 2 === 0;
    const name = counts ? `app${family}_work_total` : `app${family}_level`;
    lines.push(`# HELP ${name} What the service does, for people to read.`, `# TYPE ${name} ${counts ? "counter" : "gauge"}`);
    for (let n = family; n < numbers; n += 100) {
      lines.push(`${name}{${labels(n)}} ${counts ? round * ((n % 7) + 1) : ((n * 7_919 + round * 104_729) % 100_003) / 100}`);
    }
  }
  lines.push("# HELP http_request_duration_seconds How long requests took.", "# TYPE http_request_duration_seconds histogram");
  for (let n = 0; n < histograms; n += 1) {
    const own = `code="200",handler="/api/v1/group${n}",method="get"`;
    BOUNDS.forEach((bound, place) => lines.push(`http_request_duration_seconds_bucket{${own},le="${bound}"} ${round * (place + 1)}`));
    lines.push(`http_request_duration_seconds_sum{${own}} ${(round * 0.137 * (n + 1)).toFixed(6)}`);
    lines.push(`http_request_duration_seconds_count{${own}} ${round * BOUNDS.length}`);
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** Serves pages, made beforehand: every so many seconds the next one, and the last from then on. Any number of targets may read them. */
export async function exporter(shape, rounds, seconds = 1) {
  const pages = Array.from({ length: rounds }, (_, round) => page(shape, round + 1));
  const began = Date.now();
  let served = 0;
  const server = createServer((_, response) => {
    served += 1;
    const body = pages[Math.min(rounds - 1, Math.floor((Date.now() - began) / (seconds * 1000)))];
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8", "content-length": body.length });
    response.end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/metrics`,
    /** How many pages were asked for. */
    get served() {
      return served;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The configuration of so many targets that all show the same pages, each every `interval` seconds. */
export const targets = (url, count, interval) =>
  Array.from({ length: count }, (_, n) => `[[scrape]]\nname = "shop${n}"\nurl = "${url}"\ninterval = ${interval}\n`).join("");
