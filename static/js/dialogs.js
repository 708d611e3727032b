// data-dialog="id" opens a <dialog>; data-dialog-close closes it; [data-confirm-name] keeps the button shut until the name is typed.

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-dialog]");
  if (opener) return open(opener);
  const closer = event.target.closest?.("[data-dialog-close]");
  if (closer) return closer.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement && outside(event)) event.target.close();
});

function open(opener) {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (!(dialog instanceof HTMLDialogElement)) return;
  opener.closest("[popover]")?.hidePopover();
  dialog.querySelectorAll("[data-confirm-input]").forEach((input) => (input.value = ""));
  dialog.querySelectorAll("[data-confirm-name]").forEach(gate);
  dialog.showModal();
}

function outside(event) {
  const box = event.target.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  return !inside && event.detail > 0; // a key press on a button reports the corner of the screen
}

function gate(form) {
  const input = form.querySelector("[data-confirm-input]");
  const button = form.querySelector(".dialog-foot button:not([type='button'])");
  if (input && button) button.disabled = input.value !== form.dataset.confirmName;
}

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("[data-confirm-name]");
  if (form) gate(form);
});

// The answer to a confirmed htmx request closes the dialog, unless it holds errors to correct.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) event.detail.elt.closest?.("dialog[open]")?.close();
});
