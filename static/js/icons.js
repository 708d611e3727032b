// An icon of the sprite, for what JavaScript adds to a page.

const SVG = "http://www.w3.org/2000/svg";

function sprite() {
  return document.querySelector("svg use[href*='icons']")?.getAttribute("href")?.replace(/#.*/, "") ?? "/static/icons.svg";
}

export function icon(name, size) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", size ? `icon icon-${size}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite()}#${name}`);
  svg.append(use);
  return svg;
}

/** An element with a class and children (texts or elements). */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
