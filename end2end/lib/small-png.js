// Screenshots made small: 256 colours chosen by how often they occur, one byte a pixel (PNG, ISO/IEC 15948).
import zlib from "node:zlib";
import { PNG } from "pngjs";

const COLOURS = 256;

/** Colours nearer than this to a chosen one make room for rarer ones, such as a small mark's (squared distance). */
const ALIKE = 60;

/** The colours that occur most, none much like another, and for every other one the nearest of them. */
function palette(data) {
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const split = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const apart = ([r, g, b], [red, green, blue]) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
  const [parts, places] = [[], new Map()];
  for (const [colour] of [...counts].sort(([, one], [, two]) => two - one)) {
    if (parts.length === COLOURS) break;
    const part = split(colour);
    // The grounds are few and must be exact; they come first.
    if (parts.length >= 16 && parts.some((chosen) => apart(chosen, part) < ALIKE)) continue;
    places.set(colour, parts.length);
    parts.push(part);
  }
  for (const colour of counts.keys()) {
    if (places.has(colour)) continue;
    const part = split(colour);
    let [nearest, least] = [0, Infinity];
    parts.forEach((chosen, place) => {
      const distance = apart(chosen, part);
      if (distance < least) [nearest, least] = [place, distance];
    });
    places.set(colour, nearest);
  }
  return { parts, places };
}

const checksum = zlib.crc32 ?? table();

/** CRC-32 for versions of Node.js without one. */
function table() {
  const sums = Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
    return sum >>> 0;
  });
  return (bytes) => (bytes.reduce((sum, byte) => sums[(sum ^ byte) & 255] ^ (sum >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;
}

function chunk(name, content) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(checksum(body));
  return Buffer.concat([length, body, sum]);
}

/** The same picture with at most 256 colours. */
export function smaller(png) {
  const { width, height, data } = PNG.sync.read(png);
  const { parts, places } = palette(data);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      rows[y * (width + 1) + 1 + x] = places.get(data.readUIntBE((y * width + x) * 4, 3));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const ends = [chunk("IDAT", zlib.deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, chunk("IHDR", header), chunk("PLTE", Buffer.from(parts.flat())), ...ends]);
}
