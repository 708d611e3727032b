// An answer on the Test tab: latency bars, a pretty view, a table, a picture, and all of it to download.
import { element } from "./icons.js";
import { highlighted } from "./highlight.js";
import { compact } from "./json-text.js";
import { mount } from "./mount.js";
import { objectTable } from "./object-table.js";

const PRETTY_LIMIT = 300_000; // characters; beyond it, Raw is what one gets

mount("[data-response]", (response) => {
  response.querySelectorAll("[data-latency]").forEach(bars);
  const text = response.querySelector("[data-response-raw] code")?.textContent ?? "";
  const value = parse(text);
  const picture = response.dataset.type?.startsWith("image/");
  if (!picture) fill(response, "[data-response-pretty]", value === undefined ? null : pretty(value));
  fill(response, "[data-response-table]", value === undefined ? null : objectTable(value));
});

/** Of an answer that came here: what is too much to show can be downloaded, and a picture is one. */
export function keepWhole(response, pieces) {
  if (!response) return;
  const type = response.dataset.type || "application/octet-stream";
  const url = () => URL.createObjectURL(new Blob(pieces, { type: safe(type) }));
  if (type.startsWith("image/")) show(response, url());
  const download = response.querySelector("[data-response-download]");
  if (!download) return;
  download.href = url();
  download.download = `answer${ending(type)}`;
  download.textContent = "Download all";
}

// A page that a model made is none of ours: as a blob it would be.
function safe(type) {
  return /^(image\/(png|jpeg|gif|webp)|application\/json|text\/plain)/.test(type) ? type : "application/octet-stream";
}

function ending(type) {
  return { json: ".json", csv: ".csv", plain: ".txt", png: ".png", jpeg: ".jpg" }[/\/([\w.+-]+)/.exec(type)?.[1]] ?? "";
}

function show(response, url) {
  const picture = element("img", "response-image");
  picture.src = url;
  picture.alt = "The answer, a picture";
  fill(response, "[data-response-pretty]", picture);
}

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
