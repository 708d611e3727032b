// The Test tab: Cancel aborts the request; the response gets latency bars, a pretty view and a table.
import { element } from "./icons.js";
import { highlighted } from "./highlight.js";
import { compact } from "./json-text.js";
import { mount } from "./mount.js";
import { objectTable } from "./object-table.js";

const PRETTY_LIMIT = 300_000; // characters; beyond it, Raw is what one gets

mount("form[data-test]", (form) => {
  const cancel = form.querySelector("[data-test-cancel]");
  if (cancel) {
    cancel.hidden = true;
    cancel.addEventListener("click", () => window.htmx.trigger(form, "htmx:abort"));
    form.addEventListener("htmx:beforeRequest", () => (cancel.hidden = false));
    form.addEventListener("htmx:afterRequest", () => (cancel.hidden = true));
  }
});

mount("[data-response]", (response) => {
  response.querySelectorAll("[data-latency]").forEach(bars);
  const text = response.querySelector("[data-response-raw] code")?.textContent ?? "";
  const value = parse(text);
  fill(response, "[data-response-pretty]", value === undefined ? null : pretty(value));
  fill(response, "[data-response-table]", value === undefined ? null : objectTable(value));
});

function bars(latency) {
  const all = [...latency.querySelectorAll("[data-ms]")];
  const each = all.map((bar) => Number(bar.dataset.ms));
  const total = (latency.dataset.latency === "max" ? Math.max(...each) : each.reduce((sum, ms) => sum + ms, 0)) || 1;
  for (const bar of all) bar.style.inlineSize = `${(100 * Number(bar.dataset.ms)) / total}%`;
}

function parse(text) {
  if (text.length > PRETTY_LIMIT) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pretty(value) {
  const code = element("code", "", highlighted(compact(value), "json"));
  const pre = element("pre", "", code);
  pre.tabIndex = 0;
  return element("figure", "code", pre);
}


// A view that would be empty leaves, and its tab with it.
function fill(response, selector, content) {
  const panel = response.querySelector(selector);
  if (!panel) return;
  if (content) return panel.replaceChildren(content);
  const tab = response.querySelector(`[data-tab="${CSS.escape(panel.id)}"]`);
  const next = tab?.nextElementSibling;
  tab?.remove();
  panel.remove();
  if (tab?.getAttribute("aria-selected") === "true") next?.click();
}
