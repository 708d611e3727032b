// allauth's scripts do the ceremony; what became of it is said here.
import { toast } from "./toasts.js";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const refused = event.detail.exception?.name === "NotAllowedError";
  const known = event.detail.exception?.name === "InvalidStateError";
  const text = known ? "This device has a passkey for your account already." : refused
    ? "No passkey was used. Try again, or choose another way."
    : "The browser could not use a passkey here. Choose another way.";
  toast({ text, level: "warning" });
});
