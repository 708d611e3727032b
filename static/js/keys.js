// A key field: masked until Reveal asks the server (which records it); hidden again after 30 s.
import { copyText, feedback } from "./copy.js";
import { mount } from "./mount.js";
import { toast } from "./toasts.js";

const SHOWN_MS = 30_000;

async function fetchKey(field) {
  const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  const response = await fetch(field.dataset.keyUrl, { method: "POST", headers: { ...token, "HX-Request": "true" } });
  if (response.ok) return (await response.text()).trim();
  toast({ tone: "bad", text: response.status === 403 ? "Your role may not see keys" : "The key could not be read", detail: `Status ${response.status}` });
  return null;
}

mount("[data-key-field]", (field) => {
  const input = field.querySelector("[data-key-input]");
  const reveal = field.querySelector("[data-key-reveal]");
  const mask = input.value;
  let timer;

  function hide() {
    clearTimeout(timer);
    input.value = mask;
    setIcon(reveal, "eye");
    reveal.setAttribute("aria-pressed", "false");
  }

  reveal.addEventListener("click", async () => {
    if (input.value !== mask) return hide();
    const key = await fetchKey(field);
    if (!key) return;
    input.value = key;
    setIcon(reveal, "eye-off");
    reveal.setAttribute("aria-pressed", "true");
    timer = setTimeout(hide, SHOWN_MS);
  });
  const copy = field.querySelector("[data-key-copy]");
  copy.addEventListener("click", async () => {
    const key = input.value === mask ? await fetchKey(field) : input.value;
    if (key && (await copyText(key))) feedback(copy);
  });
});

function setIcon(button, name) {
  const use = button.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
}
