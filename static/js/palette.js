// Ctrl/Cmd+K: the page's own commands ([data-palette], [data-create], tabs) and what the server's search finds.
import { element, icon } from "./icons.js";

const dialog = document.getElementById("palette");
const input = dialog?.querySelector(".palette-input");
const list = dialog?.querySelector("[data-palette-list]");
let request;
let delay;

function commands() {
  const links = document.querySelectorAll("a[data-palette], a[data-create], .tabs > a");
  return [...links].map((link) => ({
    label: link.textContent.trim(),
    url: link.href,
    kind: link.matches(".tabs > a") ? "this page" : link.matches("[data-create]") ? "create" : "go to",
    shortcut: link.dataset.keys,
  }));
}

function item({ label, url, kind, shortcut }) {
  const made = element("a", "palette-item", icon("arrow-right"), element("span", "grow truncate", label));
  made.href = url;
  made.role = "option";
  if (shortcut) made.append(...shortcut.split(" ").map((key) => element("kbd", "", key)));
  else made.append(element("span", "subtle small", kind));
  return made;
}

function show() {
  const query = input.value.trim().toLowerCase();
  const words = query.split(/\s+/);
  const found = commands().filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  list.replaceChildren(...found.slice(0, 12).map(item));
  select(0);
  clearTimeout(delay);
  request?.abort();
  if (query && dialog.dataset.searchUrl) delay = setTimeout(() => search(query), 120);
}

async function search(query) {
  request = new AbortController();
  const url = new URL(dialog.dataset.searchUrl, location.href);
  url.searchParams.set("q", query);
  try {
    const response = await fetch(url, { signal: request.signal, headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    list.append(...page.querySelectorAll(".palette-item"));
    if (!selected()) select(0);
  } catch {
    // Overtaken by the next letter, or offline: the page's own commands stay.
  }
}

function selected() {
  return list.querySelector("[aria-selected='true']");
}

function select(index) {
  const items = [...list.children];
  items.forEach((one, position) => {
    one.id = `palette-${position}`;
    one.setAttribute("aria-selected", String(position === index));
  });
  items[index]?.scrollIntoView({ block: "nearest" });
  if (items[index]) input.setAttribute("aria-activedescendant", items[index].id);
  else input.removeAttribute("aria-activedescendant");
}

function move(step) {
  const items = [...list.children];
  if (items.length) select((items.indexOf(selected()) + step + items.length) % items.length);
}

function open() {
  if (!dialog || dialog.open) return;
  input.value = "";
  dialog.showModal();
  show();
}

document.addEventListener("palette:open", open);
document.addEventListener("click", (event) => event.target.closest?.("[data-palette-open]") && open());
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  event.preventDefault();
  open();
});
input?.addEventListener("input", show);
dialog?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  }
  if (event.key === "Enter") {
    event.preventDefault();
    selected()?.click();
  }
});
