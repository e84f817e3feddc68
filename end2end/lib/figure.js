// A measured figure beside its budget.

/** `most` or `least` is the budget; without either the figure is for information. */
export function figure(what, value, unit, { most, least } = {}) {
  const kept = (most === undefined || value <= most) && (least === undefined || value >= least);
  return { what, value, unit, most, least, kept };
}

/** A number with three significant figures and thousands separated. */
export function readable(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "–";
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
}

function budget({ most, least, unit }) {
  if (most !== undefined) return `≤ ${readable(most)} ${unit}`;
  if (least !== undefined) return `≥ ${readable(least)} ${unit}`;
  return "";
}

/** One line for a terminal. */
export function line(one) {
  const mark = one.most === undefined && one.least === undefined ? " " : one.kept ? "✓" : "✗";
  return `  ${mark} ${one.what.padEnd(52)} ${`${readable(one.value)} ${one.unit}`.padStart(18)}   ${budget(one)}`;
}

/** A table in Markdown. */
export function table(figures) {
  const rows = figures.map((one) => {
    const verdict = one.most === undefined && one.least === undefined ? "" : one.kept ? "kept" : "**missed**";
    return `| ${one.what} | ${readable(one.value)} ${one.unit} | ${budget(one)} | ${verdict} |`;
  });
  return ["| what | figure | budget | |", "|---|---:|---:|---|", ...rows].join("\n");
}

export function median(values) {
  const sorted = [...values].sort((one, two) => one - two);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
