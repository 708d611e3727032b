// The numbers of a figure as a table: the same rows that its CSV has.
import { element } from "./icons.js";

export function table({ header, rows }) {
  const made = element("table", "table table-compact", element("thead", "", line(header, "th")), element("tbody", "", ...rows.map((row) => line(row, "td"))));
  const box = element("div", "chart-table", made);
  box.tabIndex = 0;
  box.role = "group";
  box.ariaLabel = "The chart's numbers";
  return box;
}

function line([first, ...numbers], tag) {
  const head = element("th", "nowrap", tag === "td" ? first.replace("T", " ") : first);
  head.scope = tag === "th" ? "col" : "row";
  const cells = numbers.map((text) => element(tag, "number", text || "–"));
  if (tag === "th") cells.forEach((cell) => (cell.scope = "col"));
  return element("tr", "", head, ...cells);
}
