// The fold of frames, written a second time and independently of the product: what its Rust and this make of the same
// stream must be the same state.

const present = (value) => value !== undefined;

/** Sets an optional field, or removes it. */
function set(object, field, value) {
  if (value === null) delete object[field];
  else object[field] = value;
}

/** Applies a delta to a snapshot in place; says `applied`, `ignored` or `broken`. */
export function fold(snapshot, delta) {
  if (delta.view !== snapshot.view || delta.boot !== snapshot.boot) return "broken";
  if (delta.seq <= snapshot.seq) return "ignored";
  if (delta.prev !== snapshot.seq || delta.panels.some((panel) => panel.at >= snapshot.panels.length)) return "broken";
  for (const field of ["seq", "now", "build"]) snapshot[field] = delta[field];
  if (delta.header) snapshot.header = delta.header;
  for (const change of delta.panels) {
    if (change.whole) snapshot.panels[change.at] = change.whole;
    else apply(snapshot.panels[change.at], change);
  }
  return "applied";
}

function apply(panel, change) {
  if (present(change.state)) panel.state = change.state;
  if (present(change.status)) set(panel, "status", change.status);
  if (present(change.itself)) set(panel, "itself", change.itself || null);
  if (present(change.interval_ms)) panel.interval_ms = change.interval_ms;
  if (present(change.newest)) set(panel, "newest", change.newest);
  if (present(panel.newest)) panel.newest += change.newer ?? 0;
  if (present(change.failure)) set(panel, "failure", change.failure);
  panel.to += (change.slots ?? 0) * panel.step * 1000;
  applySeries(panel, change);
  applyRows(panel, change);
  for (const [place, value] of change.values ?? []) panel.stats[place].v = value;
  for (const [place, stat] of change.stats ?? []) panel.stats[place] = stat;
}

function applySeries(panel, { gone = [], add = [], revise = [], born = [] }) {
  panel.series = panel.series.filter((_, place) => !gone.includes(place));
  add.forEach((points, place) => {
    const all = [...panel.series[place].points, ...points];
    panel.series[place].points = all.slice(all.length - panel.slots);
  });
  for (const [series, slot, value] of revise) panel.series[series].points[slot] = value;
  for (const [place, series] of born) panel.series.splice(place, 0, series);
}

function applyRows(panel, { rows = [], row_count: count }) {
  const all = panel.rows ?? [];
  if (present(count)) all.length = Math.min(all.length, count);
  for (const [place, row] of rows) all[place] = row;
  set(panel, "rows", all.length > 0 ? all : null);
}
