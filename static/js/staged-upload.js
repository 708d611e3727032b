// A form that holds an upload: the upload's name goes into the form's field, and what it is fills in what it can.
addEventListener("upload:done", ({ target, detail }) => {
  const form = target.closest("form");
  if (!form) return;
  const field = form.elements.upload;
  if (field) field.value = detail.upload;
  choose(form.elements.type, detail.mlflow ? "mlflow_model" : "custom_model");
  if (form.elements.scoring_script && detail.scripts?.length) fill(form.elements.scoring_script, detail.scripts[0]);
  form.dispatchEvent(new Event("change", { bubbles: true }));
});

function choose(select, value) {
  if (select && [...(select.options ?? [])].some((option) => option.value === value)) select.value = value;
}

function fill(input, value) {
  if (!input.value || input.value === "score.py") input.value = value;
}
