// Turns the sources of the site (this folder, style/, the WASM) into what the server embeds: minified files named by
// their content, each beside its compressed forms, and a manifest from logical to hashed names.
//
// Usage: node public/build.mjs <folder with app.js and app.wasm> <folder of the site> [release|dev]
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const [wasmFolder, site] = process.argv.slice(2, 4).map((path) => resolve(path));
const hasty = process.argv[4] === "dev";
if (!site) {
  throw new Error("usage: node public/build.mjs <folder with app.js and app.wasm> <folder of the site> [release|dev]");
}

/** The oldest browsers that the site is lowered for: light-dark() and container queries are what sets them. */
const target = ["es2022", "chrome123", "firefox121", "safari17.5"];
const shared = { minify: true, target, charset: "utf8", legalComments: "none", logLevel: "warning" };
const production = { __DEV__: "false", "process.env.NODE_ENV": '"production"' };

async function bundle(entry, more = {}) {
  const { outputFiles } = await esbuild.build({
    ...shared,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    define: production,
    write: false,
    ...more,
  });
  return Buffer.from(outputFiles[0].contents);
}

/** Names the foreign code that the charts' bundle consists of, as its licences ask. */
function chartsNotice() {
  const packages = ["echarts", "zrender"].map((name) => {
    const { version, license } = JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
    return `${name} ${version} (${license})`;
  });
  return `/*! ${packages.join(", ")} */`;
}

/** Logical name to the name by content. */
const manifest = {};
const files = new Map();

function add(logical, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const name = logical.replace(/(\.\w+)$/, `.${hash}$1`);
  manifest[logical] = name;
  files.set(name, content);
}

const [style, charts, glue] = await Promise.all([
  bundle(join(root, "style/main.css")),
  bundle(join(here, "echarts.js"), { banner: { js: chartsNotice() } }),
  bundle(join(wasmFolder, "app.js")),
]);
add("app.css", style);
add("echarts.js", charts);
add("app.js", glue);
add("app.wasm", readFileSync(join(wasmFolder, "app.wasm")));
add("favicon.svg", readFileSync(join(here, "favicon.svg")));

// The boot script names the others, so that it comes after them; a change of any of them gives it a new name too.
const names = { ECHARTS: "echarts.js", WASM_JS: "app.js", WASM: "app.wasm" };
const define = Object.entries(names).map(([name, logical]) => [name, JSON.stringify(manifest[logical])]);
add("boot.js", await bundle(join(here, "boot.js"), { define: Object.fromEntries(define) }));

// For what is said in a frame in place of a panel.
add("refusal.js", await bundle(join(here, "refusal.js")));

// For other people's pages, loaded by its logical name.
if (existsSync(join(here, "embed.js"))) {
  add("embed.js", await bundle(join(here, "embed.js")));
}

/** A file is whole or not there: an interrupted build must not leave half of one under its final name. */
function write(name, content) {
  const path = join(site, name);
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

const compress = {
  br: (content) =>
    promisify(brotliCompress)(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: hasty ? 1 : 11,
        [constants.BROTLI_PARAM_LGWIN]: 22,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
  gz: (content) => promisify(gzip)(content, { level: hasty ? 1 : 9 }),
};

mkdirSync(site, { recursive: true });
// The name holds the hash of the content, so that a file that is there need not be written or compressed again.
await Promise.all(
  [...files].flatMap(([name, content]) => [
    existsSync(join(site, name)) || write(name, content),
    ...Object.entries(compress).map(async ([extension, encode]) => {
      existsSync(join(site, `${name}.${extension}`)) || write(`${name}.${extension}`, await encode(content));
    }),
  ]),
);

// One pair a line, in a fixed order: the server's build script reads it without a JSON parser. Left alone when nothing
// changed, because the server is compiled again whenever it is written.
const text = `${JSON.stringify(manifest, Object.keys(manifest).sort(), 1)}\n`;
const manifestPath = join(site, "manifest.json");
if (!existsSync(manifestPath) || readFileSync(manifestPath, "utf8") !== text) {
  write("manifest.json", text);
}

const wanted = new Set(["manifest.json", ...[...files.keys()].flatMap((name) => [name, `${name}.br`, `${name}.gz`])]);
for (const name of readdirSync(site)) {
  wanted.has(name) || rmSync(join(site, name));
}

let total = 0;
for (const [name, content] of [...files].sort()) {
  const compressed = readFileSync(join(site, `${name}.br`)).length;
  total += compressed;
  console.log(`  ${name.padEnd(32)}${String(content.length).padStart(9)} bytes${String(compressed).padStart(9)} brotli`);
}
console.log(`  ${"together".padEnd(32)}${" ".repeat(15)}${String(total).padStart(9)} brotli`);
