// <figure data-chart data-figure-url>: fetches a Plotly figure and draws it in the theme's colours.
import { element, icon } from "./icons.js";
import { mount } from "./mount.js";
import { figureOf } from "./chart-batch.js";
import { draw, forget, repaint } from "./chart-draw.js";
import { table } from "./chart-table.js";

const REFRESH = "chart-refresh";
const figures = new Map(); // figure element -> {figure, asTable}, which one that takes its place inherits

async function load(root, { quiet = false } = {}) {
  const state = figures.get(root);
  if (state.loading) return;
  state.loading = true;
  let incomplete = false; // its table was wanted only after it had been asked for
  if (quiet) root.classList.add("refreshing");
  try {
    const figure = await figureOf(root, state.asTable);
    if (!root.isConnected) return; // another took its place meanwhile
    state.figure = figure;
    await show(root);
    incomplete = state.asTable && figure.known && !figure.table;
  } catch (error) {
    if (!quiet || !state.figure) fail(root, error);
  } finally {
    state.loading = false;
    root.classList.remove("refreshing");
  }
  if (incomplete) await load(root, { quiet: true });
}

async function show(root) {
  const { figure, asTable } = figures.get(root);
  const body = root.querySelector("[data-chart-body]");
  const summary = root.querySelector("[data-chart-summary]");
  if (summary && figure.summary !== undefined) summary.textContent = figure.summary;
  if (!figure.known) return blank(body, figure.empty);
  if (asTable && !figure.table) return; // load() asks for it
  if (asTable) return clear(body).append(table(figure.table));
  if (!body.classList.contains("js-plotly-plot")) clear(body);
  await draw(root, body, figure);
}

function clear(body) {
  forget(body);
  body.replaceChildren();
  return body;
}

function blank(body, text) {
  clear(body).append(element("div", "blank", icon("chart-line", "l"), element("p", "", text)));
}

function fail(root, { message, answer = {} }) {
  const retry = element("button", "button button-s", "Retry");
  retry.type = "button";
  retry.addEventListener("click", () => load(root));
  const words = element("p", "", message);
  const box = element("div", "blank tone-bad", icon("circle-alert", "l"), words);
  if (answer.detail) box.append(element("p", "small", answer.detail));
  if (answer.request_id) box.append(element("p", "small subtle", `Request id ${answer.request_id}`));
  box.append(retry);
  clear(root.querySelector("[data-chart-body]")).append(box);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-chart-table]");
  const root = button?.closest("[data-chart]");
  if (!root) return;
  const state = figures.get(root);
  state.asTable = !state.asTable;
  button.setAttribute("aria-pressed", String(state.asTable));
  if (state.figure) void (state.asTable ? load(root, { quiet: true }) : show(root));
});

document.addEventListener("theme:changed", () => each((root, { figure, asTable }) => figure && !asTable && repaint(root, figure)));
document.addEventListener("clock:changed", () => each((root, { figure }) => figure && void show(root)));
document.addEventListener("click", (event) => event.target.closest?.("[data-refresh]") && refreshAll());

function each(act) {
  for (const [root, state] of figures) {
    if (root.isConnected) act(root, state);
    else figures.delete(root);
  }
}

function refreshAll() {
  each((root) => void load(root, { quiet: true }));
}

let timer;
function schedule(seconds) {
  clearInterval(timer);
  if (seconds) timer = setInterval(() => document.visibilityState === "visible" && refreshAll(), seconds * 1000);
}

// One that belongs to a form is part of the URL; another is this browser's habit.
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-chart-refresh]") || event.target.form) return;
  localStorage.setItem(REFRESH, event.target.value);
  schedule(Number(event.target.value));
});

mount("[data-chart-refresh]", (select) => {
  if (!select.form) select.value = localStorage.getItem(REFRESH) ?? "10";
  schedule(Number(select.value));
});

// Charts below the fold wait until they are near.
const near = new IntersectionObserver(
  (entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => {
    near.unobserve(target);
    void load(target);
  }),
  { rootMargin: "300px" },
);

mount("[data-chart]", (root) => {
  const [before, state] = [...figures].find(([other]) => root.id && other.id === root.id && !other.isConnected) ?? [];
  figures.delete(before);
  figures.set(root, { figure: null, asTable: Boolean(state?.asTable) });
  root.querySelector("[data-chart-table]")?.setAttribute("aria-pressed", String(Boolean(state?.asTable)));
  near.observe(root);
});
