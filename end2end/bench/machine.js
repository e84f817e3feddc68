// What a figure was measured on.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";

function version(command, ...args) {
  try {
    const text = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    return text.split("\n")[0];
  } catch {
    return undefined;
  }
}

export function machine() {
  const [cpu] = cpus();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" ");
  return [
    `${cpus().length} × ${cpu.model.trim()}`,
    `${(totalmem() / 1e9).toFixed(0)} GB`,
    `Linux ${release().split("-")[0]} ${arch()}`,
    version("chromium", "--version")?.trim().split(" ").slice(0, 2).join(" "),
    `commit ${version("git", "rev-parse", "--short", "HEAD")}`,
    `load before ${load}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
