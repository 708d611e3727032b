"""Second factors: their secrets encrypted at rest, and who must have one."""

import ipaddress

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import QuerySet
from django.http import HttpRequest

from endpoints.models import User
from endpoints.models.fields import decrypted, encrypted

NAME = "Endpoint Studio"
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return encrypted(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypted(encrypted_text)

    def _get_site_name(self) -> str:
        return NAME

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        return f"Passkey {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"


def lacks_second_factor(request: HttpRequest) -> bool:
    """IT wants one, and this person has none. Who comes through an identity provider was asked for it there."""
    user = request.user
    if not settings.STUDIO_SECOND_FACTOR_REQUIRED or not isinstance(user, User):
        return False
    came_from = {record.get("method") for record in get_authentication_records(request, user)}
    return "socialaccount" not in came_from and not is_mfa_enabled(user, FACTORS)


def passkeys_work_at(host: str) -> bool:
    """Browsers bind a passkey to a name: an IP address is none."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return True
    return False


def without_second_factor() -> QuerySet[User]:
    """People who may sign in by a password alone: the site's IT first."""
    protected = Authenticator.objects.filter(type__in=FACTORS).values("user")
    people = User.objects.filter(is_active=True, is_service=False).exclude(
        password__startswith=UNUSABLE_PASSWORD_PREFIX
    )
    return people.exclude(pk__in=protected).order_by("-is_superuser", "-is_staff", "email")
