// What /proc says about a process (proc(5)).
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU time in user and system mode so far, seconds. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the name in brackets, which may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function status(pid, field) {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+)`, "m"));
  return Number(line[1]);
}

/** Resident memory, bytes. */
export function rssBytes(pid) {
  return status(pid, "VmRSS") * 1024;
}

/** The most that was ever resident, bytes. */
export function peakRssBytes(pid) {
  return status(pid, "VmHWM") * 1024;
}

export function threads(pid) {
  return status(pid, "Threads");
}

export function openFiles(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Whether a process of this id runs (and is no zombie). */
export function runs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}
