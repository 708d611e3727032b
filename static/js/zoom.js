// The range that a drag over a chart asks for, as the form's fields have it.
const SHORTEST = 60_000;

// Of what the axis shows, which is on the clock of `zone`. What is shorter than can be shown begins earlier: the end may be now.
export function zoomTo({ from, to, zone }, chosen) {
  let [start, end] = [from, to].map((text) => Date.parse(`${text.replace(" ", "T")}${text.length > 10 ? "" : "T00:00"}Z`));
  start = Math.min(start, end - SHORTEST);
  const written = (at, round) => new Date(round(at / 1000) * 1000).toISOString().slice(0, 19) + (zone === chosen ? "" : "Z");
  return { from: written(start, Math.floor), to: written(end, Math.ceil) };
}
