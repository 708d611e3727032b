// Shows a part of a form only while a choice has one value: data-when="field" data-when-value="value".
import { mount } from "./mount.js";

mount("[data-when]", (part) => {
  const form = part.closest("form");
  const show = () => {
    const chosen = form.elements[part.dataset.when]?.value;
    part.hidden = chosen !== part.dataset.whenValue;
  };
  form.addEventListener("change", show);
  show();
});
