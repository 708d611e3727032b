// The look of a figure: colours from the CSS tokens, slots, dashes, markers.

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px,2px", "2px,2px"];

function color(token, probe) {
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

/** The tokens as colours that Plotly understands, in the theme of now. */
export function theme(root) {
  const probe = document.createElement("span");
  probe.hidden = true;
  root.append(probe);
  const of = (token) => color(token, probe);
  const found = {
    text: of("--text"), muted: of("--text-muted"), subtle: of("--text-subtle"), line: of("--line"), strong: of("--line-strong"), raised: of("--raised"), surface: of("--surface"),
    slots: DASHES.map((_, slot) => of(`--slot-${slot}`)),
    tones: Object.fromEntries(["ok", "warn", "bad", "info", "idle"].map((tone) => [tone, of(`--${tone}-solid`)])),
    font: getComputedStyle(document.body).fontFamily,
  };
  probe.remove();
  return found;
}

/** @returns {{data: object[], layout: object}} the figure with the theme; the figure itself is left as it was. */
export function paint({ data, layout = {}, markers = [] }, look, revision) {
  const traces = data.map((trace, index) => paintTrace(trace, index, look));
  return { data: traces, layout: { ...frame(look, revision, traces), ...paintLayout(layout, look), ...marks(markers, layout, look) } };
}

function paintTrace(trace, index, look) {
  const slot = trace.meta?.slot ?? (trace.meta?.tone ? null : index % look.slots.length);
  const shade = slot === null ? (look.tones[trace.meta.tone] ?? look.muted) : look.slots[slot % look.slots.length];
  const painted = { hovertemplate: `%{y:,.4~g}<extra>${escape(trace.name ?? "")}</extra>`, connectgaps: false, ...trace };
  if (trace.type === "bar") return { ...painted, marker: { color: shade, line: { width: 0 }, ...trace.marker } };
  const dash = slot === null || trace.stackgroup ? "solid" : DASHES[slot % DASHES.length];
  return {
    ...painted,
    line: { color: shade, width: trace.stackgroup ? 1 : 1.75, dash, ...trace.line },
    ...(trace.stackgroup || trace.fill ? { fillcolor: translucent(shade, trace.stackgroup ? 0.45 : 0.14) } : {}),
    ...(trace.mode?.includes("markers") ? { marker: { color: shade, size: 5, ...trace.marker } } : {}),
  };
}

function escape(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function translucent(shade, alpha) {
  return shade.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

function frame(look, revision, traces) {
  return {
    uirevision: revision, autosize: true, paper_bgcolor: look.surface, plot_bgcolor: look.surface, margin: { l: 48, r: 12, t: 8, b: 28 },
    font: { family: look.font, size: 11, color: look.subtle }, hovermode: "x unified", dragmode: "zoom", bargap: 0.15,
    hoverlabel: { bgcolor: look.raised, bordercolor: look.strong, font: { family: look.font, size: 12, color: look.text } },
    showlegend: traces.length > 1, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: look.muted, size: 11 }, itemwidth: 30, groupclick: "toggleitem" },
    transition: { duration: 0 },
  };
}

// What the left axis counts stands in the heading.
function paintLayout(layout, look) {
  const axis = { gridcolor: look.line, linecolor: look.line, zerolinecolor: look.line, tickcolor: look.line, automargin: true };
  const { xaxis = {}, yaxis = {}, yaxis2, ...rest } = layout;
  return {
    ...rest,
    xaxis: { ...axis, showgrid: false, showspikes: true, spikemode: "across", spikethickness: 1, spikecolor: look.strong, spikedash: "solid", ...xaxis },
    yaxis: { ...axis, rangemode: "tozero", fixedrange: true, nticks: 5, ...yaxis, title: { text: "" } },
    ...(yaxis2 ? { yaxis2: { ...axis, showgrid: false, overlaying: "y", side: "right", fixedrange: true, rangemode: "tozero", tickmode: "auto", nticks: 4, tickformat: ",.3~g", ...yaxis2, title: { standoff: 8, ...yaxis2.title } } } : {}),
  };
}

// A vertical line per traffic change, deploy, scaling or restart, with its words on hover of the dot on top.
function marks(markers, layout, look) {
  if (!markers.length) return {};
  const lines = markers.map(({ at, kind }) => ({
    type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { width: 1, dash: kind === "deploy" ? "solid" : "dot", color: look.subtle },
  }));
  const notes = markers.map(({ at, label }) => ({
    x: at, y: 1, xref: "x", yref: "paper", yanchor: "bottom", showarrow: false, text: "◆", hovertext: escape(label), font: { size: 9, color: look.muted }, captureevents: true,
    hoverlabel: { bgcolor: look.raised, bordercolor: look.strong, font: { color: look.text, size: 12, family: look.font } },
  }));
  return { shapes: [...(layout.shapes ?? []), ...lines], annotations: [...(layout.annotations ?? []), ...notes] };
}
