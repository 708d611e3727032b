"""What a failed deployment's logs say of why."""

from endpoints.domain.diagnosis import LAST_LINES, Cause, diagnose
from endpoints.enums import LogContainer
from endpoints.models import Deployment
from endpoints.selectors.logs import build_log, tail_of


def causes_of(deployment: Deployment, *, message: str = "") -> list[Cause]:
    """Ranked, the likeliest first. `message`: of the operation that failed; by default the deployment's own."""
    return diagnose(
        message=message or deployment.failure_message,
        server_log=tail_of(deployment, container=LogContainer.INFERENCE_SERVER, lines=LAST_LINES),
        build_log=build_log(deployment).lines,
    )
