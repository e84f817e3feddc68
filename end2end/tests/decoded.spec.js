// What Keiki's decoder reads on a page is what Prometheus reads on it: names, labels, values and times of all samples, and
// which pages are refused. Where the two differ, the case says why, and the difference is exactly that one.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join, resolve } from "node:path";
import { get } from "../lib/http.js";
import { prometheusOf } from "../lib/services.js";
import { expect, test } from "../lib/test.js";
import { until } from "../lib/until.js";

const root = resolve(import.meta.dirname, "../..");

/** When samples that say when were taken; Prometheus refuses what is far from now. */
const TIME = Date.now() - 60_000;
const seconds = (more) => ((TIME + more) / 1000).toFixed(3);

const text = (page, difference) => ({ syntax: "prometheus", page, difference });
const open = (page, difference) => ({ syntax: "openmetrics", page: `${page}# EOF\n`, difference });

/** Kinds of differences: what Prometheus does instead. */
const TAKES = "Prometheus takes it, the specification does not";
const REFUSES = "Prometheus refuses it, the specification does not: blanks before a line are ignored";
const FIRST = "of several samples of one series and time Prometheus keeps the first";
const CUT = "Prometheus cuts times to milliseconds, after a product that may be a bit below";

const CASES = {
  "text: escapes": text('a{x="} 1 # {",y="\\\\",z="\\"\\n\\q",e="",u="é\u{1f980}"} 1\n'),
  "text: numbers": text("a 1\nb +1\nc -1.5e-3\nd .5\ne 5.\nf 1e300\ng 4.9e-324\nh 0.1\ni 123456789012345678901234567890\nj -0\nk 00012\nl 1E5\n"),
  "text: no numbers": text("a NaN\nb +Inf\nc -Inf\nd Inf\ne nan\nf inf\ng +infinity\n"),
  "text: blanks": text('a { x = "1" , y="2", }\t 5\t\n'),
  "text: blanks before": text(" \ta 1\n", REFUSES),
  "text: blanks after": text("a 1 \n"),
  "text: comments": text("# words\n#words\n# HELPS a\na 1\n"),
  "text: empty comments": text("#\na 1\n"),
  "text: metadata without a name": text("# HELP\na 1\n"),
  "text: metadata without a blank": text("#HELP\na 1\n"),
  "text: no blank before the value": text('b{x="1"}1\n'),
  "text: empty braces": text("b{} +Inf\n"),
  "text: times": text(`a{x="1"} 1 ${TIME}\na{x="1"} 2 ${TIME + 1}\na{x="2"} 3 ${TIME}\nb 4 ${TIME + 999}\n`),
  "text: types": text(
    '# HELP a A,\\n\\\\ and \\" too.\n# TYPE a counter\na_total 1\na 2\n# TYPE b gauge\nb -3.5\n# TYPE c untyped\nc 1\n' +
      '# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\nh_max 3\n' +
      '# TYPE s summary\ns{quantile="0.9"} NaN\ns{quantile="1"} 4\ns_sum 0\ns_count 0\nh_created 1.6e9\n',
  ),
  "text: families in turns": text('# TYPE p histogram\n# TYPE q summary\np_count 1\nq_count 2\np_sum 3\nq{quantile="0.5"} 4\np_bucket{le="+Inf"} 1\n'),
  "text: empty": text("\n \t\n# nothing\n"),
  "text: twice": text("a 1\na 2\nb 1\n", FIRST),
  "text: no comma": text('a{x="1"y="2"} 1\n', TAKES),
  "open: no comma": open('a{x="1"y="2"} 1\n'),
  "text: not ended": text("a 1\nb 2", TAKES),
  "open: escapes": open('# HELP a \\"x\\"\na{x="} 1 # {",y="\\\\",z="\\"\\n\\q",e="",u="é"} 1\n'),
  "open: exemplars": open(
    `# TYPE c counter\nc_total{x="1"} 7 ${seconds(1)} # {id="a b"} 0.5 ${seconds(0)}\nc_created{x="1"} 1.6e9 ${seconds(1)}\n` +
      '# TYPE h histogram\nh_bucket{le="1.0"} 1 # {trace="} # {"} 0.5\nh_bucket{le="+Inf"} 2 # {} 5\nh_count 2\nh_sum 1.5\nh_created 9\n',
  ),
  "open: times": open(`# TYPE a gauge\na{x="1"} 1 ${seconds(0)}\na{x="1"} 2 ${seconds(1)}\na{x="2"} 3 ${Math.floor(TIME / 1000)}\nb NaN ${seconds(999)}\n`, CUT),
  "open: types": open(
    '# TYPE u unknown\nu 1\n# TYPE heat_kelvins gauge\n# UNIT heat_kelvins kelvins\nheat_kelvins -3.5\n' +
      '# TYPE queue gaugehistogram\nqueue_bucket{le="1"} 1\nqueue_bucket{le="+Inf"} 3\nqueue_gsum 2\nqueue_gcount 3\n' +
      '# TYPE s summary\ns{quantile="0.9"} NaN\ns_count 0\ns_sum 0\ns_created 5\n' +
      '# TYPE mode stateset\nmode{mode="on"} 1\nmode{mode="off"} 0\n# TYPE build info\nbuild_info{v="1"} 1\n',
  ),
  "open: empty": open(""),
  "open: no end": { ...text("a 1\n"), syntax: "openmetrics" },
  "open: more after its end": { ...text("# EOF\na 1\n"), syntax: "openmetrics" },
  "open: an empty line": open("a 1\n\nb 1\n"),
  "open: blanks": open('a{x="1", y="2"} 1\n'),
  "open: two blanks": open("a  1\n"),
  "open: a negative counter": open("# TYPE a counter\na_total -1\n", TAKES),
  "open: a counter without its suffix": open("# TYPE a counter\na 1\n", TAKES),
  "open: buckets that fall": open('# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n', TAKES),
  "open: no last bucket": open('# TYPE h histogram\nh_bucket{le="1"} 2\n', TAKES),
  "open: a state of two": open('# TYPE m stateset\nm{m="on"} 2\n', TAKES),
  "open: families in turns": open("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na{x=\"1\"} 2\n", TAKES),
  "open: types of one family twice": open("# TYPE a gauge\n# TYPE a gauge\na 1\n", TAKES),
};

/** Lines that neither format allows. */
const WRONG = [
  "7up 1", '{x="1"} 1', "disk.used 1", "disk-used 1", "up", "up x", "up 1_0", "up 0x10", "up 1e400", "up 1,5", "up 1\r", "up 1 soon", "up 1 NaN",
  'up{x="1" 1', 'up{x="1"', 'up{x="1",,y="2"} 1', "up{,} 1", 'up{1x="1"} 1', 'up{a:b="1"} 1', "up{x} 1", "up{x=} 1",
  "up{x=1} 1", "up{x='1'} 1", 'up{x="1} 1', 'up{x="1\\"} 1', 'up{x="1",x="2"} 1', 'a{__name__="b"} 1', "# TYPE up meter", "up 1 2 3", "up -NaN",
];
for (const line of WRONG) {
  CASES[`text, wrong: ${line}`] = text(`first 1\n${line}\nlast 1\n`);
  CASES[`open, wrong: ${line}`] = open(`first 1\n${line}\nlast 1\n`);
}

const pages = join(root, "server/recognise/pages");
for (const file of readdirSync(pages).filter((name) => name.endsWith(".txt"))) {
  CASES[`page: ${basename(file, ".txt")}`] = text(readFileSync(join(pages, file), "utf8"));
}

/** What Prometheus says of a target itself. A page may have the first of them, too, and is then told apart. */
const OWN = /^(up|scrape_duration_seconds|scrape_samples_scraped|scrape_samples_post_metric_relabeling|scrape_series_added)$/;
const UP_OF_PAGE = "up_of_page";

const number = (value) => ({ inf: Infinity, "+Inf": Infinity, "-inf": -Infinity, "-Inf": -Infinity, NaN: NaN })[value] ?? Number(value);
/** As text, so that -0 and NaN are told apart from others. */
const shown = (value) => (Object.is(value, -0) ? "-0" : String(value));
const identity = (name, labels) => JSON.stringify([name, Object.entries(labels).sort()]);

/** The example of the decoder, as the tests of the workspace have built it. */
function decoder() {
  const given = ["build", "--quiet", "--locked", "-p", "keiki-decode", "--example", "decoded", "--message-format=json"];
  const messages = execFileSync("cargo", given, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 }).trim().split("\n").map((one) => JSON.parse(one));
  return messages.find((one) => one.executable && one.target.name === "decoded").executable;
}

/** All samples by series: `times` has what says when, `values` what does not. `undefined` for a page that is refused. */
function decoded(program, { syntax, page }, labels) {
  const { status, stdout, stderr } = spawnSync(program, [syntax], { input: page, encoding: "utf8" });
  if (status !== 0) return { why: stderr };
  const all = {};
  for (const one of stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line))) {
    const series = (all[identity(one.name, { ...labels, ...one.labels })] ??= { times: {}, values: [] });
    if (one.time === null) series.values.push(shown(number(one.value)));
    else series.times[one.time] ??= shown(number(one.value));
  }
  return { all };
}

async function ask(prometheus, query) {
  const answer = JSON.parse((await get(prometheus.url(`/api/v1/query?${new URLSearchParams({ query })}`))).body);
  expect(answer.status, query).toBe("success");
  return answer.data.result;
}

test("a page is read as Prometheus reads it", async () => {
  test.setTimeout(180_000);
  const program = decoder();
  const names = Object.keys(CASES);
  const asked = names.map(() => 0);
  const server = createServer((request, response) => {
    const place = Number(request.url.slice(1));
    asked[place] += 1;
    const { syntax, page } = CASES[names[place]];
    const type = syntax === "openmetrics" ? "application/openmetrics-text; version=1.0.0" : "text/plain; version=0.0.4";
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(page);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const target = `127.0.0.1:${server.address().port}`;
  const prometheus = await prometheusOf(
    `global: { scrape_interval: 2s, scrape_timeout: 2s }
scrape_configs:
  - job_name: pages
    honor_labels: true
    metric_relabel_configs: [{ source_labels: [__name__], regex: up, target_label: __name__, replacement: ${UP_OF_PAGE} }]
    static_configs:
${names.map((_, place) => `      - { targets: ["${target}"], labels: { __metrics_path__: "/${place}", differential: "${place}" } }\n`).join("")}`,
  );
  try {
    // When one is asked for the second time, its first reading is kept.
    await until("all pages are read twice", () => asked.every((count) => count >= 2), { timeout: 60_000 });
    const up = Object.fromEntries((await ask(prometheus, "up")).map(({ metric, value }) => [metric.differential, value[1] === "1"]));
    const differences = [];
    for (const [place, name] of names.entries()) {
      const { difference } = CASES[name];
      const labels = { job: "pages", instance: target, differential: String(place) };
      const { all, why } = decoded(program, CASES[name], labels);
      const differs = (what) => differences.push(`${name}: ${what}`);
      const alone = difference === TAKES || difference === REFUSES;
      const expected = alone ? difference === TAKES : !why;
      if (up[place] !== expected || (alone && !why === expected)) {
        differs(`Keiki: ${why ?? "taken"}, Prometheus: ${up[place] ? "taken" : "refused"}`);
      }
      if (why || alone) continue;
      const found = (await ask(prometheus, `{differential="${place}"}[10m]`)).filter(({ metric }) => !OWN.test(metric.__name__));
      const theirs = Object.fromEntries(
        found.map(({ metric: { __name__, ...metric }, values }) => [identity(__name__ === UP_OF_PAGE ? "up" : __name__, metric), values.map(([time, value]) => [Math.round(time * 1000), shown(number(value))])]),
      );
      for (const key of Object.keys(theirs)) if (!all[key]) differs(`Prometheus alone has ${key}`);
      for (const [key, { times, values }] of Object.entries(all)) {
        const read = theirs[key];
        if (!read) {
          differs(`Keiki alone has ${key}`);
        } else if (values.length > 0) {
          if (values.length > 1 && difference !== FIRST) differs(`${key} is there ${values.length} times`);
          if (read.some(([, value]) => value !== values[0])) differs(`${key} is ${values} and ${read.map(([, value]) => value)}`);
        } else {
          const own = Object.entries(times).map(([time, value]) => [Number(time), value]);
          const late = difference === CUT ? 1 : 0;
          const same = own.length === read.length && own.every(([time, value], at) => value === read[at][1] && time - read[at][0] >= 0 && time - read[at][0] <= late);
          if (!same) differs(`${key} is ${JSON.stringify(own)} and ${JSON.stringify(read)}`);
        }
      }
    }
    expect(differences).toEqual([]);
  } finally {
    await prometheus.stop();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});
