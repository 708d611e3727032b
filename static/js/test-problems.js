// What is wrong with a field of the Test tab, beside it.

/** An empty text takes it away. */
export function showProblem(form, name, text) {
  const place = form.querySelector(`[data-problem-of="${CSS.escape(name)}"]`);
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
  const field = form.elements[name];
  if (field instanceof Element) {
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  if (text) place.closest("details")?.setAttribute("open", "");
}

export function showProblems(form, problems) {
  for (const place of form.querySelectorAll("[data-problem-of]")) showProblem(form, place.dataset.problemOf, problems[place.dataset.problemOf] ?? "");
}
