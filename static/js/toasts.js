// Short messages. The server sends HX-Trigger {"toast": {"text", "level", "detail", "url", "action", "undo": {"url", "values"}}};
// Django's messages are already in the page. Errors stay until dismissed, Undo is offered for 10 s.
import { element, icon } from "./icons.js";
import { mount } from "./mount.js";

const TONES = { success: "ok", warning: "warn", error: "bad", info: "info" };
const ICONS = { ok: "circle-check", warn: "triangle-alert", bad: "circle-alert", info: "info" };

/** Says it to screen readers only. */
export function announce(text) {
  const place = document.getElementById("announcer");
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

export function toast({ text, level = "info", tone = TONES[level] ?? level, detail, url, action = "Open", undo, retry }) {
  const words = element("span", "grow", text);
  if (detail) words.append(element("small", "", detail));
  const box = element("div", `toast tone-${tone}`, icon(ICONS[tone] ?? "info"), words);
  if (url) box.append(link(url, action));
  if (undo) box.append(button("Undo", () => send(undo, box)));
  if (retry) box.append(button("Retry", () => { box.remove(); retry(); }));
  box.append(closer());
  document.getElementById("toasts")?.append(box);
  if (tone !== "bad") expire(box, undo ? 10 : 6);
  return box;
}

function link(url, text) {
  const made = element("a", "button button-s", text);
  made.href = url;
  return made;
}

function button(text, act) {
  const made = element("button", "button button-s", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function closer() {
  const made = element("button", "button button-quiet button-s button-icon", icon("x"));
  made.type = "button";
  made.dataset.toastClose = "";
  made.setAttribute("aria-label", "Dismiss");
  return made;
}

function send({ url, values }, box) {
  box.remove();
  window.htmx.ajax("post", url, { event: new Event("undo"), values: values ?? {}, swap: "none", source: document.body });
}

// Time stands still while one reads: pointer over it, or focus inside.
function expire(box, seconds) {
  let left = seconds;
  const timer = setInterval(() => {
    if (!box.isConnected) return clearInterval(timer);
    if (box.matches(":hover, :focus-within")) return;
    left -= 0.25;
    if (left <= 0) box.remove();
  }, 250);
}

document.addEventListener("click", (event) => event.target.closest?.("[data-toast-close]")?.closest(".toast")?.remove());
document.addEventListener("toast", (event) => toast(event.detail));
mount("[data-toast]:not(.tone-bad)", (box) => expire(box, 8));
