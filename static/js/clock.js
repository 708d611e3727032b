// <time data-time datetime> shows "3 min ago" or the exact time; [data-elapsed-from] counts. One timer for the page.
import { mount } from "./mount.js";
import { describe, elapsed } from "./duration.js";

const KEY = "clock"; // "local" (default) or "utc": what titles and old dates are shown in

function zone() {
  try {
    return localStorage.getItem(KEY) === "utc" ? "UTC" : undefined;
  } catch {
    return undefined;
  }
}

function showTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.textContent = describe(at, new Date(), zone());
  element.title = `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function showElapsed(element) {
  const from = new Date(element.dataset.elapsedFrom);
  const to = element.dataset.elapsedTo ? new Date(element.dataset.elapsedTo) : new Date();
  element.textContent = elapsed((to - from) / 1000);
}

function label() {
  for (const element of document.querySelectorAll("[data-clock-label]")) {
    element.textContent = zone() ? "Show times in local time" : "Show times in UTC";
  }
}

function refresh() {
  document.querySelectorAll("time[data-time]").forEach(showTime);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-clock-switch]")) return;
  localStorage.setItem(KEY, zone() ? "local" : "utc");
  label();
  refresh();
  document.dispatchEvent(new CustomEvent("clock:changed"));
});

mount("time[data-time]", showTime);
mount("[data-elapsed-from]", showElapsed);
mount("[data-clock-label]", label);
setInterval(refresh, 20_000);
setInterval(() => document.querySelectorAll("[data-elapsed-from]:not([data-elapsed-to])").forEach(showElapsed), 1000);
