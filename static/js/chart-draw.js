// Draws a figure with Plotly: the theme's colours, linked hover and zoom in a group, zoom kept on refresh.
import { theme, paint } from "./chart-theme.js";

const CONFIG = { displayModeBar: false, responsive: false, displaylogo: false, showTips: false };
let loading;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(styles());
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name='plotly']").content;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("The chart library did not load")));
    document.head.append(script);
  });
  return loading;
}

// Plotly writes its rules into the page, which the content security policy forbids, unless it finds this link.
function styles() {
  const link = document.createElement("link");
  link.id = "plotly.js-style-global";
  link.className = "no-inline-styles";
  link.rel = "stylesheet";
  link.href = document.querySelector("meta[name='plotly-styles']").content;
  return link;
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.isConnected && target.data) window.Plotly.Plots.resize(target);
});

/** Draws, or redraws in place. A zoom stays as long as the range that is asked for does: `uirevision` is its URL. */
export async function draw(root, body, figure) {
  const library = await plotly();
  const { data, layout } = paint(figure, theme(root), root.dataset.figureUrl);
  const first = !body.data;
  body.dataset.zone = figure.zone;
  await library.react(body, data, layout, { ...CONFIG, doubleClick: root.dataset.chartGroup ? false : "reset" });
  if (first) {
    link(body);
    resized.observe(body);
  }
}

export function repaint(root, figure) {
  const body = root.querySelector("[data-chart-body]");
  if (body.data) void draw(root, body, figure);
}

/** Frees what Plotly holds of an element. */
export function forget(body) {
  if (!body.data) return;
  resized.unobserve(body);
  window.Plotly.purge(body);
}

// The body outlives the figure around it, which a swap replaces.
function companions(body) {
  const group = body.closest("[data-chart]")?.dataset.chartGroup;
  if (!group) return [];
  const all = document.querySelectorAll(`[data-chart-group="${CSS.escape(group)}"] [data-chart-body]`);
  return [...all].filter((other) => other !== body && other.data);
}

function link(body) {
  body.on("plotly_relayout", (change) => {
    if (!("xaxis.range[0]" in change)) return; // a drag tells both ends; what a script sets, the whole range
    const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    for (const other of companions(body)) void window.Plotly.relayout(other, { "xaxis.range": range, "xaxis.autorange": false });
    if (companions(body).length) tell(body, "zoom", range);
  });
  body.on("plotly_doubleclick", () => companions(body).length && tell(body, "reset", []));
  // Only the chart under the pointer leads; what it makes the others show comes back as their events.
  body.on("plotly_hover", ({ points }) => body.matches(":hover") && companions(body).forEach((other) => hover(other, points[0].x)));
  body.on("plotly_unhover", () => companions(body).forEach((other) => other.matches(":hover") || window.Plotly.Fx.unhover(other)));
}

// The page's toolbar listens (ranges.js): what is shown is in the URL.
function tell(body, what, [from, to]) {
  body.dispatchEvent(new CustomEvent(`chart:${what}`, { bubbles: true, detail: { from, to, zone: body.dataset.zone } }));
}

// Plotly takes what an axis shows for UTC, whatever the browser's own clock.
function hover(other, x) {
  window.Plotly.Fx.hover(other, { xval: Date.parse(`${x.replace(" ", "T")}${x.length > 10 ? "" : "T00:00"}Z`) }, ["xy"]);
}
