// <button data-theme-switch="light|dark|system">. Other tabs and the charts follow.

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  mark();
  document.dispatchEvent(new CustomEvent("theme:changed"));
}

function mark() {
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    if (button.dataset.themeSwitch === current()) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-theme-switch]");
  if (!button) return;
  const theme = button.dataset.themeSwitch;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Without storage the choice lasts for this page.
  }
  apply(theme);
  button.closest("[popover]")?.hidePopover();
});

addEventListener("storage", (event) => {
  if (event.key === "theme") apply(event.newValue ?? "system");
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("theme:changed"));
});
mark();
