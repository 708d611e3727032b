"""Paste a token, see what the gateway would say. Nothing of it is kept."""

from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.domain.routing import Claim, Invokers, claims_of
from endpoints.domain.token_checks import Finding, examine
from endpoints.enums import AuthMode
from endpoints.models import Endpoint
from endpoints.permissions import require_staff
from endpoints.selectors.access import invokers_of
from endpoints.selectors.identity import issuers


def check_token(*, actor: Actor, token: str, endpoint: str = "") -> Finding:
    """With the name of an endpoint: also whether it opens that one."""
    require_staff(actor.user)
    believed = issuers()
    if not endpoint:
        return examine(token, believed, now=timezone.now())
    named = Endpoint.objects.present().filter(name__iexact=endpoint).first()
    if named is None:
        raise Invalid({"endpoint": f"There is no endpoint “{endpoint[:40]}”."})
    if named.auth_mode == AuthMode.KEY:
        raise Invalid({"endpoint": f"“{named.name}” takes keys, and no token."})
    of_mode = [issuer for issuer in believed if issuer.auth_mode == named.auth_mode]
    return examine(token, of_mode, now=timezone.now(), wanted=claims_that_open(named))


def claims_that_open(endpoint: Endpoint) -> list[Claim]:
    mode = AuthMode(endpoint.auth_mode)
    invokers = invokers_of([endpoint])[endpoint.pk] if mode == AuthMode.AAD_TOKEN else Invokers()
    return list(claims_of(endpoint_id=endpoint.pk.hex, auth_mode=mode, invokers=invokers, issuers=issuers()))
