// Draws a figure with Plotly: the theme's colours, linked hover and zoom in a group, zoom kept on refresh.
import { theme, paint } from "./chart-theme.js";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", displaylogo: false, showTips: false };
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

/** Draws, or redraws in place: a zoom stays, since `uirevision` does. */
export async function draw(root, body, figure) {
  const library = await plotly();
  const { data, layout } = paint(figure, theme(root), root.dataset.figureUrl.split("?")[0]);
  const first = !body.data;
  await library.react(body, data, layout, CONFIG);
  if (first) {
    link(root, body);
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

function companions(root, body) {
  const group = root.dataset.chartGroup;
  if (!group) return [];
  const all = document.querySelectorAll(`[data-chart-group="${CSS.escape(group)}"] [data-chart-body]`);
  return [...all].filter((other) => other !== body && other.data);
}

// relayout answers its own call with another event: `echo` keeps the charts from talking for ever.
let echo = false;

function link(root, body) {
  body.on("plotly_relayout", async (change) => {
    if (echo || change.width || change.autosize) return;
    const range = zoomOf(change);
    if (!range) return;
    echo = true;
    try {
      await Promise.all(companions(root, body).map((other) => window.Plotly.relayout(other, range)));
    } finally {
      echo = false;
    }
  });
  // Only the chart under the pointer leads; what it makes the others show comes back as their events.
  body.on("plotly_hover", ({ points }) => body.matches(":hover") && companions(root, body).forEach((other) => hover(other, points[0].x)));
  body.on("plotly_unhover", () => companions(root, body).forEach((other) => other.matches(":hover") || window.Plotly.Fx.unhover(other)));
}

function zoomOf(change) {
  if ("xaxis.range[0]" in change) return { "xaxis.range": [change["xaxis.range[0]"], change["xaxis.range[1]"]], "xaxis.autorange": false };
  if ("xaxis.range" in change) return { "xaxis.range": change["xaxis.range"], "xaxis.autorange": false };
  if (change["xaxis.autorange"]) return { "xaxis.autorange": true };
  return null;
}

function hover(other, x) {
  window.Plotly.Fx.hover(other, { xval: new Date(x).getTime() }, ["xy"]);
}
