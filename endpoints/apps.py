from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EndpointsConfig(AppConfig):
    name = "endpoints"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_complete, sender=self)


def _complete(*, using: str, **_: Any) -> None:
    """What migrations leave to do: triggers, and the one row of the site's switches."""
    from endpoints.models import SiteState
    from endpoints.models.guards import guard

    guard(using)
    SiteState.ensure(using)
