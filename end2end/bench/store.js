// The store without a server: the example `bench_store` prints its figures as JSON lines.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { figure } from "../lib/figure.js";
import { binary } from "../lib/server.js";

export async function store() {
  const { stdout } = await promisify(execFile)(join(binary, "../examples/bench_store"));
  return stdout
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text))
    .flatMap((found) => (Array.isArray(found) ? found : [found]))
    .map(({ what, value, unit, most, least }) => figure(what, value, unit, { most, least }));
}
