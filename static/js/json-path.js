// Values deep in a JSON value, by a path of names and positions. Pure.

/** @returns what is there, or undefined. */
export function valueAt(root, path) {
  return path.reduce((value, step) => (value !== null && typeof value === "object" && Object.hasOwn(value, step) ? value[step] : undefined), root);
}

/** The same value with `next` at the path; what lies on the way is made where it is missing. */
export function withValue(root, path, next) {
  if (!path.length) return next;
  const [step, ...rest] = path;
  const list = typeof step === "number";
  const made = list ? (Array.isArray(root) ? [...root] : []) : plain(root) ? { ...root } : {};
  const inner = Object.hasOwn(made, step) ? made[step] : undefined;
  if (list) while (made.length < step) made.push(null);
  Object.defineProperty(made, step, { value: withValue(inner, rest, next), enumerable: true, configurable: true, writable: true });
  return made;
}

function plain(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
