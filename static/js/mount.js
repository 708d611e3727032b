// Runs a function once for every element that matches, now and after each htmx swap.

const watched = [];

/** @param {string} selector @param {(element: Element) => void} start */
export function mount(selector, start) {
  const entry = { selector, start, seen: new WeakSet() };
  watched.push(entry);
  scan(document, entry);
}

function scan(root, { selector, start, seen }) {
  const found = [...root.querySelectorAll(selector)];
  if (root instanceof Element && root.matches(selector)) found.unshift(root);
  for (const element of found) {
    if (seen.has(element)) continue;
    seen.add(element);
    start(element);
  }
}

/** For content that came without htmx. */
export function scanAll(root) {
  for (const entry of watched) scan(root, entry);
}

document.addEventListener("htmx:load", (event) => scanAll(event.detail.elt));
// A morph keeps elements and adds others without htmx:load on each of them.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target instanceof Element && event.target.isConnected) scanAll(event.target);
});
