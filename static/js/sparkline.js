// <svg data-spark="3,4,,5">: a line and its shade; a missing value is a gap.
import { mount } from "./mount.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 96;
const HEIGHT = 24;

function runs(values) {
  const top = Math.max(...values.filter(Number.isFinite), 0) || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  const found = [[]];
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) return found.push([]);
    found.at(-1).push([index * step, HEIGHT - 2 - (value / top) * (HEIGHT - 4)].map((at) => at.toFixed(1)));
  });
  return found.filter((run) => run.length);
}

function shape(tag, points) {
  const made = document.createElementNS(SVG, tag);
  made.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  return made;
}

function draw(svg) {
  const values = svg.dataset.spark.split(",").map((text) => (text.trim() === "" ? NaN : Number(text)));
  svg.replaceChildren(
    ...runs(values).flatMap((run) => [
      shape("polygon", [[run[0][0], HEIGHT], ...run, [run.at(-1)[0], HEIGHT]]),
      shape("polyline", run.length > 1 ? run : [run[0], [Number(run[0][0]) + 1, run[0][1]]]),
    ]),
  );
}

const changed = new MutationObserver((records) => records.forEach(({ target }) => draw(target)));
mount("[data-spark]", (svg) => {
  draw(svg);
  changed.observe(svg, { attributeFilter: ["data-spark"] });
});
