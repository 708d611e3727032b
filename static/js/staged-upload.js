// A form that holds an upload: the upload's name goes into the form's field, and what it is fills in what it can.
addEventListener("upload:done", ({ target, detail }) => {
  const form = target.closest("form");
  if (!form) return;
  if (form.elements.upload) form.elements.upload.value = detail.upload;
  choose(form.elements.type, detail.type);
  if (form.elements.scoring_script && detail.scripts?.length) fill(form.elements.scoring_script, detail.scripts[0]);
  form.dispatchEvent(new Event("change", { bubbles: true }));
  if (form.dataset.waiting && !running(form)) form.requestSubmit(document.getElementById(form.dataset.waiting));
});

// Sent while files are still under way: it goes by itself when they have arrived.
addEventListener("submit", (event) => {
  const form = event.target;
  if (!running(form)) return;
  event.preventDefault();
  form.dataset.waiting = event.submitter?.id || "none";
  event.submitter?.setAttribute("aria-busy", "true");
}, true);

function running(form) {
  return form.querySelector("[data-upload-list] progress") !== null;
}

function choose(select, value) {
  if (select && [...(select.options ?? [])].some((option) => option.value === value)) select.value = value;
}

function fill(input, value) {
  if (!input.value || input.value === "score.py") input.value = value;
}
