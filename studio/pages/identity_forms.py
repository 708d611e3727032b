"""The forms of identity providers and of a token to be checked."""

from django import forms

from endpoints.domain.oidc import PRESETS
from endpoints.domain.token_checks import LONGEST
from endpoints.enums import IdentityKind
from studio.pages.forms import LinesField

TWO_LINES = forms.Textarea(attrs={"rows": 2, "class": "input code", "spellcheck": "false"})


class ProviderForm(forms.Form):
    """What can be changed of a provider."""

    audiences = LinesField(
        widget=TWO_LINES, help_text="One in a line; any of them will do. A token for something else is refused."
    )
    subject_claim = forms.CharField(
        required=False, max_length=100, help_text="Says who the caller is. Empty: oid for Entra ID, else sub."
    )
    groups_claim = forms.CharField(
        required=False,
        max_length=100,
        initial="groups",
        help_text="Lists the caller's groups. Empty: they do not count.",
    )
    jwks_url = forms.CharField(
        required=False, max_length=500, label="Address of the keys", help_text="Empty: as its discovery document says."
    )
    pasted_jwks = forms.CharField(
        required=False,
        max_length=100_000,
        label="Keys",
        widget=forms.Textarea(attrs={"rows": 4, "class": "input code", "spellcheck": "false"}),
        help_text="A JSON Web Key Set, where the studio cannot reach the provider. Nothing is fetched then.",
    )
    client_id = forms.CharField(
        required=False,
        max_length=200,
        label="Client id",
        help_text="As it knows the studio. With one, people sign in through it; empty: its tokens alone count.",
    )
    client_secret = forms.CharField(
        required=False,
        max_length=1000,
        label="Client secret",
        strip=True,
        widget=forms.PasswordInput(attrs={"class": "input code", "autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown. Empty: the one that is kept; a public client has none.",
    )
    label = forms.CharField(
        required=False, max_length=60, help_text="On the button of the sign-in page. Empty: its name."
    )
    creates_accounts = forms.BooleanField(
        required=False,
        label="Makes accounts",
        help_text="Who has none gets one at the first sign-in, without any role but those of their groups.",
    )
    trusts_email = forms.BooleanField(
        required=False,
        label="Its addresses are true",
        help_text=(
            "Take an address although the provider does not say that it was verified. "
            "Choose that only where nobody there can change their own: who can becomes anybody here."
        ),
    )


class NewProviderForm(ProviderForm):
    name = forms.CharField(max_length=32, help_text="As it is called here, such as entra.")
    kind = forms.ChoiceField(choices=[choice for choice in IdentityKind.choices if choice[0] in PRESETS])
    issuer = forms.CharField(max_length=500, help_text="The claim iss of its tokens, letter for letter.")
    field_order = ["kind", "name", "issuer", "audiences"]


class TokenForm(forms.Form):
    token = forms.CharField(
        max_length=LONGEST,
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "class": "input code",
                "spellcheck": "false",
                "autocomplete": "off",
                "placeholder": "eyJ…",
            }
        ),
        help_text="It is looked at and forgotten.",
    )
    endpoint = forms.CharField(
        required=False, max_length=32, help_text="Also say whether it opens this one. Empty: only whether it is good."
    )


class StudioProviderForm(forms.Form):
    audiences = ProviderForm.base_fields["audiences"]
