// The numbers of a figure as a table: a row per x, a column per trace.
import { element } from "./icons.js";

export function table({ data }) {
  const xs = [...new Set(data.flatMap((trace) => trace.x ?? []))].sort();
  const columns = data.map((trace) => new Map((trace.x ?? []).map((x, index) => [x, trace.y?.[index]])));
  const made = element("table", "table table-compact", head(data), body(xs, columns));
  const box = element("div", "chart-table", made);
  box.tabIndex = 0;
  box.role = "group";
  box.ariaLabel = "The chart's numbers";
  return box;
}

function head(data) {
  const row = element("tr", "", cell("th", "Time", ""));
  for (const trace of data) row.append(cell("th", trace.name ?? "", "number"));
  for (const one of row.children) one.scope = "col";
  return element("thead", "", row);
}

function body(xs, columns) {
  const rows = xs.map((x) => {
    const first = cell("th", typeof x === "string" ? x.replace("T", " ").slice(0, 19) : String(x), "");
    first.scope = "row";
    return element("tr", "", first, ...columns.map((column) => cell("td", format(column.get(x)), "number")));
  });
  return element("tbody", "", ...rows);
}

function format(value) {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 4 }) : String(value);
}

function cell(tag, text, className) {
  return element(tag, className, text);
}
