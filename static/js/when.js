// Shows a part of a form only while a choice has one of the values: data-when="field" data-when-value="one other".
import { mount } from "./mount.js";

mount("[data-when]", (part) => {
  const form = part.closest("form");
  const show = () => {
    const chosen = form.elements[part.dataset.when]?.value;
    part.hidden = !part.dataset.whenValue.split(" ").includes(chosen);
  };
  form.addEventListener("change", show);
  show();
});
