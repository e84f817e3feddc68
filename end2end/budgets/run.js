#!/usr/bin/env node
// The budgets that can be checked within a minute. Prints every figure beside its budget; leaves with 1 if one is missed.
import { line } from "../lib/figure.js";
import { startServer } from "../lib/server.js";
import { firstLoad } from "./first-load.js";
import { idle } from "./idle.js";
import { stream } from "./stream.js";

const server = await startServer();
let missed = 0;
try {
  for (const measure of [idle, stream, firstLoad]) {
    for (const figure of await measure(server)) {
      console.log(line(figure));
      missed += figure.kept ? 0 : 1;
    }
  }
} finally {
  await server.stop();
}
if (missed > 0) {
  console.error(`${missed} budget${missed > 1 ? "s" : ""} missed.`);
  process.exitCode = 1;
}
