// Shortcuts. Links take part with data-keys="g e"; [data-create], [data-refresh], [data-page-search], [data-range-earlier|later].

const ON = "shortcuts";
let waiting = "";
let timer;

function enabled() {
  try {
    return localStorage.getItem(ON) !== "off";
  } catch {
    return true;
  }
}

function typing(target) {
  return target.closest?.("input, textarea, select, code-editor, [contenteditable='true'], .cm-editor") || target.shadowRoot;
}

const single = {
  "/": () => focusSearch(),
  "?": () => document.getElementById("shortcuts")?.showModal(),
  c: () => click("[data-create]"),
  r: () => click("[data-refresh]") || refresh(),
  "[": () => click("[data-range-earlier]"),
  "]": () => click("[data-range-later]"),
};

function click(selector) {
  const target = document.querySelector(selector);
  target?.click();
  return Boolean(target);
}

function focusSearch() {
  const field = document.querySelector("[data-page-search]");
  if (!field) return document.dispatchEvent(new CustomEvent("palette:open"));
  field.focus();
  field.select?.();
}

function refresh() {
  for (const name of ["endpoint", "operation", "sample"]) document.body.dispatchEvent(new CustomEvent(`live:${name}`));
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") return submit(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (!enabled() || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (sequence(event.key) || single[event.key]) event.preventDefault();
});

function sequence(key) {
  clearTimeout(timer);
  const link = waiting && document.querySelector(`[data-keys="${CSS.escape(waiting)}\\ ${CSS.escape(key)}"]`);
  waiting = key === "g" && !waiting ? "g" : "";
  if (waiting) timer = setTimeout(() => (waiting = ""), 1200);
  if (link) link.click();
  else if (!waiting) single[key]?.();
  return Boolean(link || waiting);
}

function submit(event) {
  const form = event.target.closest?.("form");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  form.requestSubmit();
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-shortcuts-open]")) document.getElementById("shortcuts")?.showModal();
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-shortcuts-switch]")) localStorage.setItem(ON, event.target.checked ? "on" : "off");
});
for (const box of document.querySelectorAll("[data-shortcuts-switch]")) box.checked = enabled();
if (/Mac|iP/.test(navigator.platform)) document.querySelectorAll("[data-mod-key]").forEach((key) => (key.textContent = "⌘"));
