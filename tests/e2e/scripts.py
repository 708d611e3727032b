"""Endpoints with scoring scripts, made over the running studio's REST API."""

from functools import cache
from typing import Any

import httpx

from tests.e2e.running import RunningStudio, wait_for

ECHO = """
import os

def init():
    pass

def run(raw_data):
    return {"pid": os.getpid(), "got": len(raw_data)}
"""

_TOKEN = """
from endpoints.domain.actor import Actor
from endpoints.models import User
from endpoints.services.tokens import create_token
print(create_token(actor=Actor(user=User.objects.get(is_superuser=True)), name="tests")[1])
"""


@cache
def _token(studio: RunningStudio) -> str:
    return studio.shell(_TOKEN).splitlines()[-1]


def api(studio: RunningStudio, method: str, path: str, **options: Any) -> httpx.Response:
    """One call of the REST API, as the administrator; an error of it fails the test."""
    headers = {"authorization": f"Bearer {_token(studio)}"}
    answer = httpx.request(method, f"{studio.url}/api/v1/{path}", headers=headers, timeout=60, **options)
    assert answer.status_code < 400, answer.text
    return answer


def deploy(
    studio: RunningStudio,
    endpoint: str,
    deployment: str,
    script: str = ECHO,
    *,
    requirements: str = "",
    beside: dict[str, str] | None = None,
    all_traffic: bool = False,
    **body: Any,
) -> str:
    """Starts the creation, of the endpoint too where it is missing; the endpoint's primary key. `beside` the script lie
    other files."""
    if endpoint not in {item["name"] for item in api(studio, "GET", "endpoints/").json()["value"]}:
        api(studio, "POST", "endpoints/", json={"name": endpoint})
    files = [("files", (name, text)) for name, text in {"score.py": script, **(beside or {})}.items()]
    code = api(studio, "POST", "code/", data={"name": f"{endpoint}-{deployment}"}, files=files)
    environment = {"name": f"{endpoint}-{deployment}", "requirements": requirements or "# nothing"}
    made = api(studio, "POST", "environments/", json=environment).json()
    specification = {
        "name": deployment,
        "code_configuration": {"code": _reference(code.json()), "scoring_script": "score.py"},
        "environment": _reference(made),
        "instance_type": "local-small",
        **body,
    }
    query = {"all_traffic": "true"} if all_traffic else {}
    api(studio, "POST", f"endpoints/{endpoint}/deployments/", json=specification, params=query)
    return str(api(studio, "POST", f"endpoints/{endpoint}/keys/list/").json()["primaryKey"])


def _reference(asset: dict[str, Any]) -> str:
    return f"azureml:{asset['name']}:{asset['version']}"


def look(studio: RunningStudio, endpoint: str, deployment: str) -> dict[str, Any]:
    """The deployment as the API shows it."""
    found: dict[str, Any] = api(studio, "GET", f"endpoints/{endpoint}/deployments/{deployment}/").json()
    return found


def replicas(studio: RunningStudio, endpoint: str, deployment: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api(studio, "GET", f"endpoints/{endpoint}/deployments/{deployment}/replicas/").json()[
        "value"
    ]
    return found


def live_traffic(studio: RunningStudio, endpoint: str) -> dict[str, int]:
    """What the gateway was seen to do."""
    found: dict[str, int] = api(studio, "GET", f"endpoints/{endpoint}/traffic/").json()["live_traffic"]
    return found


def settled(studio: RunningStudio, endpoint: str, deployment: str) -> dict[str, Any]:
    """Once it has succeeded or failed."""

    def over() -> dict[str, Any] | None:
        seen = look(studio, endpoint, deployment)
        return seen if seen["provisioning_state"] in ("Succeeded", "Failed", "Canceled") else None

    found: dict[str, Any] = wait_for(over, what=lambda: str(look(studio, endpoint, deployment)))
    return found
