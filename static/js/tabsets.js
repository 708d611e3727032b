// data-tabs: tabs inside a page, which have no URL of their own. Arrow keys, Home and End as in the ARIA pattern.
import { mount } from "./mount.js";

const chosen = new Map(); // by the id of a set that is swapped for a newer one

mount("[data-tabs]", (root) => {
  const list = root.querySelector("[data-tab-list]");
  const buttons = [...list.querySelectorAll("[data-tab]")];
  const panels = buttons.map((button) => document.getElementById(button.dataset.tab));

  function select(index, focus = false) {
    buttons.forEach((button, position) => {
      button.setAttribute("aria-selected", String(position === index));
      button.tabIndex = position === index ? 0 : -1;
      if (panels[position]) panels[position].hidden = position !== index;
    });
    if (focus) buttons[index].focus();
    if (root.id) chosen.set(root.id, index);
  }

  list.role = "tablist";
  buttons.forEach((button, index) => {
    button.role = "tab";
    button.id ||= `${button.dataset.tab}-tab`;
    button.setAttribute("aria-controls", button.dataset.tab);
    panels[index]?.setAttribute("role", "tabpanel");
    panels[index]?.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => select(index));
  });
  list.addEventListener("keydown", (event) => {
    const shown = buttons.filter((button) => !button.hidden);
    const index = shown.indexOf(document.activeElement);
    const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    select(buttons.indexOf(shown[(target + shown.length) % shown.length]), true);
  });
  select(Math.min(chosen.get(root.id) ?? 0, buttons.length - 1));
});
