// A file for the Test tab: text comes into the editor, anything else is the body as it is.
import { size } from "./dropped-files.js";
import { mount } from "./mount.js";
import { showProblem } from "./test-problems.js";

const EDITED = 1024 * 1024; // bytes; more text than that is sent as a file

mount("form[data-test]", (form) => {
  const input = form.querySelector("[data-test-file]");
  const drop = form.querySelector("[data-test-drop]");
  if (!input || !drop) return;
  input.addEventListener("change", () => void taken(form, input));
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => hold(event, drop, true));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => hold(event, drop, false));
  drop.addEventListener("drop", ({ dataTransfer }) => {
    if (dataTransfer.files.length > 1) return showProblem(form, "file", "Drop one file; a request has one body.");
    if (!dataTransfer.files.length) return;
    input.files = dataTransfer.files;
    void taken(form, input);
  });
  form.querySelector("[data-test-file-remove]").addEventListener("click", () => {
    input.value = "";
    note(form, null);
  });
  if (input.files.length) void taken(form, input); // chosen before this script was there, or kept by a reload
});

function hold(event, drop, over) {
  event.preventDefault();
  drop.classList.toggle("over", over);
}

async function taken(form, input) {
  const [file] = input.files;
  showProblem(form, "file", "");
  if (!file) return note(form, null);
  const most = Number(input.dataset.maxBytes);
  if (file.size > most) {
    input.value = "";
    note(form, null);
    return showProblem(form, "file", `${file.name} has ${size(file.size)}; at most ${size(most)} can be sent.`);
  }
  const text = file.size <= EDITED ? await textOf(file) : null;
  if (text === null) return note(form, file);
  input.value = "";
  note(form, null);
  fill(form, text, file);
}

// Null for what is no text.
async function textOf(file) {
  if (/^(image|audio|video)\//.test(file.type)) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

function fill(form, text, file) {
  const textarea = form.elements.body;
  const editor = textarea.closest("code-editor");
  if (editor) editor.value = text;
  else textarea.value = text;
  form.elements.content_type.value = file.type || (file.name.endsWith(".json") ? "application/json" : "text/plain");
  form.querySelector("[data-tab='request-json']")?.click();
  textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

function note(form, file) {
  const box = form.querySelector("[data-test-file-note]");
  box.hidden = !file;
  box.querySelector("[data-test-file-name]").textContent = file?.name ?? "";
  box.querySelector("[data-test-file-facts]").textContent = file ? `${size(file.size)}, ${file.type || "application/octet-stream"}` : "";
  form.elements.file_name.value = file?.name ?? "";
  form.elements.file_name.dispatchEvent(new Event("change", { bubbles: true }));
}
