"""The door: by an identity provider, a passkey, or e-mail and password; then the second factor."""

from typing import Any

from allauth.account.views import LoginView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled

from endpoints.models import IdentityProvider
from studio.second_factor import passkeys_work_at


class SignIn(LoginView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {
            "providers": list(IdentityProvider.objects.for_sign_in()),
            "passkeys": passkeys_work_at(self.request.get_host()),
            "next": self.get_next_url(),
        }


class SecondFactor(AuthenticateView):
    """Shows the ways that this person has set up."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.stage.login.user
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {
            "by_code": is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES]),
            "by_app": is_mfa_enabled(user, [Authenticator.Type.TOTP]),
            "by_passkey": is_mfa_enabled(user, [Authenticator.Type.WEBAUTHN])
            and passkeys_work_at(self.request.get_host()),
        }


sign_in = SignIn.as_view()
second_factor = SecondFactor.as_view()
