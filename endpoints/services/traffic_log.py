"""Which requests of an endpoint are kept one by one."""

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.domain.traffic_log import LEAST_PERCENT, MOST_PERCENT
from endpoints.enums import TrafficLogMode
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services.settings import change_settings


def set_traffic_log(
    *,
    actor: Actor,
    endpoint: Endpoint,
    mode: str,
    percent: int | None = None,
    expected_version: int | None = None,
) -> Endpoint:
    """`percent` is that of a sample; None leaves it as it is. In force once the gateway confirms."""
    require(actor.user, Action.WRITE, endpoint)
    problems = {}
    if mode not in TrafficLogMode.values:
        problems["mode"] = f"Use one of {', '.join(TrafficLogMode.values)}."
    if percent is not None and not LEAST_PERCENT <= percent <= MOST_PERCENT:
        problems["percent"] = f"Use a whole number from {LEAST_PERCENT} to {MOST_PERCENT}."
    if problems:
        raise Invalid(problems)
    wanted = {"traffic_log": mode, "traffic_log_percent": percent or endpoint.traffic_log_percent}
    return change_settings(actor, endpoint, wanted, expected_version, verb="endpoint.traffic_log_changed")
