"""The same request to two deployments, once or several times."""

import json
import math
import time
from dataclasses import dataclass, replace

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.domain.json_diff import Change, differences
from endpoints.domain.requests import ScoringRequest
from endpoints.models import Endpoint
from endpoints.services.invoke import Answer, ask, invoke

MAX_RUNS = 10
LIMIT_SECONDS = 60  # for one side; no further run starts after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One deployment's answers, in the order they came; never empty."""

    deployment: str
    answers: list[Answer]

    @property
    def first(self) -> Answer:
        return self.answers[0]

    @property
    def failures(self) -> int:
        return sum(answer.status is None or answer.status >= 400 for answer in self.answers)

    @property
    def p50_ms(self) -> float:
        return self._percentile(50)

    @property
    def p95_ms(self) -> float:
        return self._percentile(95)

    def _percentile(self, percent: int) -> float:
        """By nearest rank: always a duration that was measured."""
        ordered = sorted(answer.duration_ms for answer in self.answers)
        return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`changes` leads from the first side's first answer to the second's; None where one is not JSON."""

    sides: tuple[Side, Side]
    changes: list[Change] | None


def compare(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest, other: str, runs: int = 1) -> Comparison:
    """The request's deployment and the other, pinned, one after the other; each side's first call goes into the
    person's history.

    Invalid on `other` for the same deployment twice, on `runs` outside 1 to MAX_RUNS, and as invoke() says.
    """
    _check(endpoint, (request.deployment, other), runs)
    first, second = (_side(actor, endpoint, each, runs) for each in (request, replace(request, deployment=other)))
    return Comparison(sides=(first, second), changes=_changes(first.first, second.first))


def _check(endpoint: Endpoint, deployments: tuple[str, str], runs: int) -> None:
    if not 1 <= runs <= MAX_RUNS:
        raise Invalid({"runs": f"From 1 to {MAX_RUNS} runs."})
    if not all(deployments) or deployments[0] == deployments[1]:
        raise Invalid({"other": "Choose two different deployments to compare."})
    present = set(endpoint.deployments.present().values_list("name", flat=True))
    for name in deployments:
        if name not in present:
            raise Invalid({"other": f"“{endpoint.name}” has no deployment “{name}”."})


def _side(actor: Actor, endpoint: Endpoint, request: ScoringRequest, runs: int) -> Side:
    deadline = time.monotonic() + LIMIT_SECONDS
    answers = [invoke(actor=actor, endpoint=endpoint, request=request)[0]]
    while len(answers) < runs and time.monotonic() < deadline:
        answers.append(ask(actor=actor, endpoint=endpoint, request=request))
    return Side(deployment=request.deployment, answers=answers)


def _changes(before: Answer, after: Answer) -> list[Change] | None:
    try:
        return differences(json.loads(before.body), json.loads(after.body))
    except (ValueError, RecursionError):
        return None
