// data-copy="text" copies the text, data-copy-from="#selector" the text or value of that element.
import { announce } from "./toasts.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-from]");
  if (!button) return;
  if (await copyText(wanted(button))) feedback(button);
});

function wanted(button) {
  if (button.dataset.copy !== undefined) return button.dataset.copy;
  const source = document.querySelector(button.dataset.copyFrom);
  return source?.value ?? source?.textContent ?? "";
}

/** Whether the text reached the clipboard. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // no clipboard API over plain http
  }
}

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) announce("Could not copy");
  return done;
}

/** Shows a tick on the button for a moment, and says "Copied". */
export function feedback(button) {
  const use = button.querySelector("use");
  const icon = use?.getAttribute("href");
  announce("Copied");
  if (!icon || button.classList.contains("copied")) return;
  button.classList.add("copied");
  use.setAttribute("href", icon.replace(/#.*/, "#check"));
  setTimeout(() => {
    button.classList.remove("copied");
    use.setAttribute("href", icon);
  }, 1600);
}
