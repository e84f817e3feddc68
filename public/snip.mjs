// Takes out of the WASM what can't run but can't be seen to be dead either, because tables or matches refer to it: the
// bodies of those functions become a trap, and wasm-opt then drops what only they used: a sixth of what is sent.
//
// The compiler merges functions of equal code under one of their names, so that a name alone proves nothing. Everything
// named here is unlike any other code: the body of a future has that future's states, a structure its own field names.
//
// Usage: node public/snip.mjs <in.wasm, with its names> <out.wasm>
import { readFileSync, writeFileSync } from "node:fs";

const NEVER_RUN = [
  // Leptos compiles each view a second time to hydrate it asynchronously, which only islands and lazy routes ask for.
  /(?:hydrate_async|new_with_async_value_erased)::\{\{closure\}\}(?:::h[0-9a-f]{16})?$/,
];

const [input, output] = process.argv.slice(2);
const wasm = readFileSync(input);
let at = 8; // After the magic number and the version.

/** An unsigned LEB128 number; `at` moves past it. */
function number() {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}

/** As many bytes as the number before them says. */
function bytes() {
  const length = number();
  at += length;
  return wasm.subarray(at - length, at);
}

function leb128(value) {
  const encoded = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) encoded.push((value % 0x80) | 0x80);
  return Buffer.from([...encoded, value]);
}

/** Table and memory types: flags, a minimum, and a maximum where the flags say so. */
function limits() {
  const flags = wasm[at++];
  number();
  if (flags & 1) number();
}

const FUNCTION = 0;
const skipImport = [
  () => number(),
  () => (at++, limits()),
  () => limits(),
  () => (at += 2),
  () => (at++, number()),
];

/** How many functions are imported: they are numbered first. */
function importedFunctions() {
  let functions = 0;
  for (let left = number(); left > 0; left--) {
    bytes();
    bytes();
    const kind = wasm[at++];
    skipImport[kind]();
    if (kind === FUNCTION) functions++;
  }
  return functions;
}

/** Function names by number: subsection 1 of the name section. */
function functionNames(end) {
  const names = new Map();
  while (at < end) {
    const kind = wasm[at++];
    const length = number();
    const next = at + length;
    if (kind === 1) {
      for (let left = number(); left > 0; left--) {
        const index = number();
        names.set(index, bytes().toString());
      }
    }
    at = next;
  }
  return names;
}

const CUSTOM = 0;
const IMPORT = 2;
const CODE = 10;
const sections = [];
let imported = 0;
let names = new Map();
while (at < wasm.length) {
  const start = at;
  const id = wasm[at++];
  const length = number();
  const body = at;
  const end = body + length;
  sections.push({ id, start, body, end });
  if (id === IMPORT) imported = importedFunctions();
  if (id === CUSTOM && bytes().toString() === "name") names = functionNames(end);
  at = end;
}
if (names.size === 0) {
  throw new Error(`${input} has no names`);
}

// No locals, `unreachable`, `end`.
const TRAP = Buffer.from([3, 0x00, 0x00, 0x0b]);
let taken = 0;
function snip({ body }) {
  at = body;
  const count = number();
  const parts = [leb128(count)];
  for (let index = imported; index < imported + count; index++) {
    const start = at;
    bytes();
    const name = names.get(index) ?? "";
    const dead = NEVER_RUN.some((pattern) => pattern.test(name));
    taken += dead ? at - start : 0;
    parts.push(dead ? TRAP : wasm.subarray(start, at));
  }
  const code = Buffer.concat(parts);
  return [Buffer.from([CODE]), leb128(code.length), code];
}

const kept = sections.flatMap((section) => (section.id === CODE ? snip(section) : wasm.subarray(section.start, section.end)));
writeFileSync(output, Buffer.concat([wasm.subarray(0, 8), ...kept]));
console.log(`  ${taken} bytes that never run`);
