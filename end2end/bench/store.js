// The store without a server: the example `bench_store` prints its figures as one JSON object.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { figure } from "../lib/figure.js";
import { binary } from "../lib/server.js";

export async function store() {
  const { stdout } = await promisify(execFile)(join(binary, "../examples/bench_store"));
  const found = JSON.parse(stdout);
  const overview = found.overview_of_20_routes;
  const panels = Object.entries(found.api_group_of_50_busy_routes);
  return [
    figure("append to known series", found.append_known_series_per_second / 1e6, "M samples/s"),
    figure("append, each to a new series", found.append_new_series_per_second / 1e6, "M samples/s"),
    figure("p95 of each of 50 routes over 5 minutes, each tick", found.p95_of_50_routes_over_5_min_ms, "ms", { most: 0.3 }),
    figure("the same, evaluated from nothing", found.p95_of_50_routes_over_5_min_first_ms, "ms"),
    figure("sum of rates of 100 series, 300 steps", found.sum_of_rates_of_100_series_300_steps_ms, "ms"),
    figure("overview of 20 routes, from nothing", overview.first_ms, "ms"),
    figure("overview of 20 routes, each tick", overview.next_ms, "ms"),
    ...panels.map(([id, { first_ms, next_ms }]) => [
      figure(`${id} of 50 busy routes, from nothing`, first_ms, "ms"),
      figure(`${id} of 50 busy routes, each tick`, next_ms, "ms"),
    ]).flat(),
    figure("700 full scalar rings", found.bytes_of_700_full_scalar_rings / 1e6, "MB"),
    figure("50 busy routes, full rings", found.bytes_of_50_busy_routes / 1e6, "MB"),
  ];
}
