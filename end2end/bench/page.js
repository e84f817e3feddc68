// The cached page against nginx with the same bytes: both prepared, both sent as they are; turn and turn about.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { figure, median } from "../lib/figure.js";
import { get } from "../lib/http.js";
import { freePort } from "../lib/port.js";
import { temporaryFolder } from "../lib/server.js";
import { until } from "../lib/until.js";

const ROUNDS = 7;
const SECONDS = 5;

/** nginx with one file, under the headers that Keiki sends with it. */
async function startNginx(answer) {
  const [folder, port] = [temporaryFolder(), await freePort()];
  mkdirSync(join(folder, "site"));
  writeFileSync(join(folder, "site/page"), answer.raw);
  const own = ["content-type", "content-length", "date", "connection", "keep-alive", "etag", "last-modified", "transfer-encoding"];
  const headers = Object.entries(answer.headers)
    .filter(([name]) => !own.includes(name))
    .map(([name, value]) => `add_header ${name} "${String(value).replaceAll('"', '\\"')}";`);
  // The folder is this user's alone: as root nginx would change to another one.
  const user = process.getuid() === 0 ? "user root;" : "";
  const conf = `
    ${user} daemon off; worker_processes auto; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; open_file_cache max=10;
      client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3;
      uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
      server { listen 127.0.0.1:${port} reuseport; root ${folder}/site; default_type "text/html; charset=utf-8";
        location / { try_files /page =404; ${headers.join(" ")} } }
    }`;
  writeFileSync(join(folder, "nginx.conf"), conf);
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const address = `http://127.0.0.1:${port}/`;
  await until("nginx answers", async () => (await get(address)).status === 200).catch((error) => {
    child.kill("SIGTERM");
    throw new Error(`${error.message}\n${log}`);
  });
  return { address, stop: () => child.kill("SIGTERM") };
}

const MILLISECONDS = { us: 0.001, ms: 1, s: 1000 };

async function wrk(address) {
  const given = ["-c64", "-t1", `-d${SECONDS}s`, "--latency", "-H", "Accept-Encoding: br", address];
  const { stdout } = await promisify(execFile)("wrk", given);
  const faults = stdout.match(/Non-2xx.*|Socket errors.*/);
  if (faults) throw new Error(`${address}: ${faults[0]}`);
  const [, p99, unit] = stdout.match(/99%\s+([\d.]+)(us|ms|s)/);
  return { rate: Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)[1]), p99: Number(p99) * MILLISECONDS[unit] };
}

export async function page(server) {
  const figures = [];
  for (const path of ["/", "/groups/resources"]) {
    const address = server.url(path);
    const answer = await get(address, { headers: { "accept-encoding": "br" } });
    const nginx = await startNginx(answer);
    const rounds = [];
    try {
      const same = await get(nginx.address);
      if (!same.raw.equals(answer.raw)) throw new Error("nginx serves other bytes");
      for (let round = 0; round < ROUNDS; round += 1) {
        const own = await wrk(address);
        const peer = await wrk(nginx.address);
        rounds.push({ own, peer, ratio: own.rate / peer.rate });
      }
    } finally {
      nginx.stop();
    }
    const of = (pick) => median(rounds.map(pick));
    figures.push(
      figure(`${path}: ${answer.raw.length} bytes, Keiki`, of(({ own }) => own.rate), "req/s"),
      figure(`${path}: the same bytes, nginx`, of(({ peer }) => peer.rate), "req/s"),
      figure(`${path}: Keiki of nginx, median of ${ROUNDS} rounds`, of(({ ratio }) => ratio), "×", { least: 0.7 }),
      figure(`${path}: lowest round`, Math.min(...rounds.map(({ ratio }) => ratio)), "×"),
      figure(`${path}: p99 at 64 connections, Keiki`, of(({ own }) => own.p99), "ms", { most: 20 }),
      figure(`${path}: p99 at 64 connections, nginx`, of(({ peer }) => peer.p99), "ms"),
    );
  }
  return figures;
}
