// How Chromium is started: without a sandbox (containers have none), a GPU, or anything that talks to the network.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

function onPath(names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error("No Chromium on PATH; name one in CHROMIUM.");
}

function executable() {
  const named = process.env.CHROMIUM;
  return named?.includes("/") ? named : onPath([named ?? "chromium", "chromium-browser", "google-chrome"]);
}

export const launchOptions = {
  executablePath: executable(),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-precise-memory-info",
  ],
};
