// <form data-autosubmit>: what is chosen is applied at once; text when it is sent.
document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("form[data-autosubmit]");
  if (form && target.matches("select, input[type=checkbox]")) form.requestSubmit();
});
