// JSON as text: what is wrong with it and where, and how it looks well. Pure.

/**
 * @param {string} text @param {() => number | null} locate where a parser that goes on after errors saw the first one
 * @returns {{message: string, position: number} | null} position in characters; null for valid or empty text
 */
export function problemIn(text, locate = () => null) {
  if (!text.trim()) return null;
  try {
    JSON.parse(text);
    return null;
  } catch ({ message }) {
    return { message: shortened(message), position: positionIn(message, text) ?? locate() ?? 0 };
  }
}

// Each browser words the place differently; the place is shown beside the message anyway.
function shortened(message) {
  return message
    .replace(/^JSON\.parse: |^JSON Parse error: /, "")
    .replace(/ in JSON at position.*| at position.*| at line \d+ column \d+.*/s, "")
    .replace(/, "?[^]*is not valid JSON$|, \.\.\.[^]*is not valid JSON$/, "");
}

function positionIn(message, text) {
  const offset = /at position (\d+)/.exec(message);
  if (offset) return Number(offset[1]);
  const place = /at line (\d+) column (\d+)/.exec(message);
  if (!place) return message.includes("Unexpected end") ? text.trimEnd().length : null;
  const before = text.split("\n").slice(0, Number(place[1]) - 1);
  return before.reduce((sum, line) => sum + line.length + 1, 0) + Number(place[2]) - 1;
}

/** Two spaces deep, with rows of plain values on one line; null where the text is not JSON. */
export function formatted(text) {
  try {
    return compact(JSON.parse(text));
  } catch {
    return null;
  }
}

export function compact(value) {
  return render(value, "");
}

function render(value, indent) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}  `;
  const list = Array.isArray(value);
  const parts = list ? value.map((item) => render(item, deeper)) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${render(item, deeper)}`);
  if (!parts.length) return list ? "[]" : "{}";
  const flat = value.length && list && value.every((item) => item === null || typeof item !== "object");
  if (flat && parts.join(", ").length < 100) return `[${parts.join(", ")}]`;
  return `${list ? "[" : "{"}\n${parts.map((part) => deeper + part).join(",\n")}\n${indent}${list ? "]" : "}"}`;
}
