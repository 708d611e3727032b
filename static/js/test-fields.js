// The Test tab's form of single values, kept in step with the text: what is changed in one shows in the other.
import { compact } from "./json-text.js";
import { valueAt, withValue } from "./json-path.js";
import { mount } from "./mount.js";

mount("[data-test-fields]", (box) => {
  const form = box.closest("form");
  const textarea = form.elements.body;
  const fields = [...box.querySelectorAll("[data-path]")].map((input) => ({ input, path: JSON.parse(input.dataset.path) }));
  const show = () => fields.forEach((field) => showIn(field, parsed(textarea.value)));

  box.addEventListener("input", (event) => {
    const field = fields.find(({ input }) => input === event.target);
    if (field) write(textarea, field);
    event.stopPropagation();
  });
  box.addEventListener("focusout", () => setTimeout(show)); // what was no value becomes the text's again
  textarea.addEventListener("input", show);
  show();
});

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function showIn({ input, path }, body) {
  if (input === document.activeElement && input.tagName === "INPUT") return; // somebody types there
  const value = valueAt(body, path);
  const fits = value !== null && typeof value === "object" ? undefined : value;
  if (input.dataset.kind === "choice" || input.dataset.kind === "boolean") input.value = JSON.stringify(fits) ?? "";
  else input.value = fits === undefined || fits === null ? "" : String(fits);
  input.removeAttribute("aria-invalid");
}

function write(textarea, { input, path }) {
  const value = valueOf(input);
  if (value === undefined) return;
  const body = parsed(textarea.value);
  const text = compact(withValue(body === undefined ? {} : body, path, value));
  const editor = textarea.closest("code-editor");
  if (editor) editor.value = text;
  else textarea.value = text;
}

// Undefined for what is no value of its kind: the text stays as it was, and the field says so.
function valueOf(input) {
  const { kind } = input.dataset;
  if (kind === "choice" || kind === "boolean") return JSON.parse(input.value);
  if (kind === "text") return input.value === "" && "nullable" in input.dataset ? null : input.value;
  if (input.value === "" && "nullable" in input.dataset && !input.validity.badInput) return null;
  const good = input.value !== "" && !input.validity.badInput && Number.isFinite(input.valueAsNumber) && !(kind === "integer" && !Number.isInteger(input.valueAsNumber));
  input.setAttribute("aria-invalid", String(!good));
  return good ? input.valueAsNumber : undefined;
}
