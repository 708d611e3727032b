// <form data-range-form>: the toolbar of all charts. A drag over a chart fills in its range.
import { mount } from "./mount.js";
import { zoomTo } from "./zoom.js";

const LEFT_OUT = { zone: "UTC", refresh: "10" }; // what is meant without it
let zoomed = null; // the range that a chart asks for, until the form has sent it

mount("[data-range-zone]", (select) => {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (own && ![...select.options].some((option) => option.value === own)) select.append(new Option(`${own} (yours)`, own));
});

document.addEventListener("htmx:configRequest", ({ target, detail: { parameters } }) => {
  if (!target.matches?.("[data-range-form]")) return;
  if (zoomed) Object.assign(parameters, zoomed);
  zoomed = null;
  for (const { name } of target.elements) {
    if (name && (parameters[name] === "" || parameters[name] === LEFT_OUT[name])) delete parameters[name];
  }
});

document.addEventListener("chart:zoom", ({ detail }) => {
  const form = document.querySelector("[data-range-form]");
  if (!form) return;
  zoomed = zoomTo(detail, form.elements.zone.value);
  form.requestSubmit();
});

document.addEventListener("chart:reset", () => document.querySelector("[data-range-reset]")?.click());
