// A JSON value as a table, where it is one: a list of objects, of lists, or of numbers, at the top or one level down.
import { element } from "./icons.js";

const ROWS = 200;

/** @returns {HTMLElement | null} */
export function objectTable(value) {
  const list = listIn(value);
  if (!list?.length) return null;
  const rows = list.slice(0, ROWS).map(asRow);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 30);
  const head = element("tr", "", element("th", "number", "#"), ...columns.map((name) => element("th", "", name)));
  const body = rows.map((row, index) => element("tr", "", element("td", "number subtle", String(index)), ...columns.map((name) => cell(row[name]))));
  const table = element("table", "table table-compact", element("thead", "", head), element("tbody", "", ...body));
  if (list.length > ROWS) table.append(element("caption", "", `The first ${ROWS} of ${list.length} rows`));
  const box = element("div", "table-wrap response-table", table);
  box.tabIndex = 0;
  return box;
}

function listIn(value) {
  if (Array.isArray(value)) return value;
  if (value && typeof value === "object") return Object.values(value).find((inner) => Array.isArray(inner) && inner.length);
  return null;
}

function asRow(item) {
  if (Array.isArray(item)) return Object.fromEntries(item.map((part, index) => [`[${index}]`, part]));
  return item && typeof item === "object" ? item : { value: item };
}

function cell(value) {
  const number = typeof value === "number";
  return element("td", number ? "number" : "", value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
}
