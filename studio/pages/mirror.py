"""The mirror on the Traffic tab: what the form shows and asks for, and what copies come to."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from endpoints.domain.traffic import MOST_MIRRORED
from endpoints.models import Deployment, Endpoint
from studio.pages.forms import whole_number

USUAL = 10  # percent, for who starts one


def wanted_mirror(request: HttpRequest) -> tuple[dict[str, int] | None, str]:
    """What the form asks for and what is wrong with it; None where it says nothing of a mirror."""
    if "mirror" not in request.POST:
        return None, ""
    name = request.POST["mirror"].strip()
    if not name:
        return {}, ""
    percent = whole_number(request.POST.get("mirror_percent", "").strip())
    if percent is None:
        return None, f"{name}: the share of copies must be a whole number from 0 to {MOST_MIRRORED}."
    return {name: percent}, ""


def mirror_values(mirror: Mapping[str, int]) -> dict[str, str]:
    """The form's fields that ask for this mirror."""
    name, percent = next(iter(mirror.items()), ("", 0))
    return {"mirror": name, "mirror_percent": str(percent)}


def mirror_form(
    endpoint: Endpoint, deployments: list[Deployment], *, rate: float, planned: Mapping[str, int] | None
) -> dict[str, Any] | None:
    """What components/traffic_editor.html takes; None with one deployment, which is not its own mirror.

    `rate` is requests per minute, `planned` what was filled in before."""
    if len(deployments) < 2:
        return None
    asked = endpoint.mirror_traffic if planned is None else planned
    name, percent = next(iter(asked.items()), ("", USUAL))
    choices = [_choice(item, endpoint, name) for item in deployments]
    chosen = next((choice for choice in choices if choice["name"] == name), None)
    return {
        "name": name,
        "percent": percent,
        "most": MOST_MIRRORED,
        "choices": choices,
        "estimate": estimate(rate, percent, chosen),
    }


def _choice(deployment: Deployment, endpoint: Endpoint, chosen: str) -> dict[str, Any]:
    size = deployment.instance_type
    share = endpoint.traffic.get(deployment.name, 0)
    ready = bool(deployment.serving_generation) and deployment.state != "Deleting"
    return {
        "name": deployment.name,
        "selected": deployment.name == chosen,
        "ready": ready,
        "note": f" ({share} % live)" if share else "" if ready else " (not ready)",
        "instances": f"{deployment.instance_count} × {size.name}",
        "hourly": f"{(size.price_per_hour * deployment.instance_count).normalize():f}",
    }


def estimate(rate: float, percent: int, choice: Mapping[str, Any] | None) -> str:
    """In words: how many copies, and what they use."""
    if choice is None:
        return f"Each 10 % copies about {rate / 10:.1f} requests per minute, at the rate of the last 15 minutes."
    copies = rate * percent / 100
    text = (
        f"About {copies:.1f} copies per minute, at the rate of the last 15 minutes. {choice['name']} runs on "
        f"{choice['instances']}: {choice['hourly']} USD per hour"
    )
    if not copies:
        return f"{text}."
    thousand = Decimal(choice["hourly"]) / Decimal(copies * 60) * 1000
    return f"{text}, {thousand:.2f} USD per 1,000 copies."
