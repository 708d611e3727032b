"""The forms of a person's security."""

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms


class AddPasskeyForm(AddWebAuthnForm):
    """A passkey unless the person wants a mere second factor."""

    name = forms.CharField(
        required=False, max_length=60, help_text="To tell it from others, such as “laptop” or “YubiKey”."
    )
    passwordless = forms.BooleanField(
        label="Sign in with it alone",
        required=False,
        initial=True,
        help_text="It then asks for a finger, a face or a PIN. Without this it is a second factor beside the password.",
    )
    field_order = ["name", "passwordless"]
