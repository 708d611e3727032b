"""402 of an endpoint whose budget is used up: for those who may come in, and away as soon as it resets."""

import httpx

from endpoints.domain.routing import Refusal
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint

USED_UP = Refusal(budget='team "A" 100%', resets_at="2026-12-01T00:00:00Z")


def test_402_names_the_budget_and_when_it_resets(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    envoy.put(
        endpoint("spent", deployment("blue", blue.socket), refusal=USED_UP),
        endpoint("other", deployment("green", servers.start("green").socket)),
    )
    for path in ("/spent/score", "/spent/swagger.json", "/spent/anything"):
        answer = client.post(path, headers=AUTHORIZED, json={"data": [1]})
        assert answer.status_code == 402
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"]
        error = answer.json()["error"]
        assert error["code"] == "BudgetExceeded"
        assert error["budget"] == 'team "A" 100%'
        assert error["resets_at"] == "2026-12-01T00:00:00Z"
        assert 'Budget team "A" 100% is used up' in error["message"]
        assert "2026-12-01T00:00:00Z" in error["message"]
    pinned = client.post("/spent/score", headers=AUTHORIZED | {"azureml-model-deployment": "blue"})
    assert pinned.status_code == 402
    assert blue.requests == []
    assert client.post("/other/score", headers=AUTHORIZED).status_code == 200
    envoy.put(endpoint("spent", deployment("blue", blue.socket)))
    assert client.post("/spent/score", headers=AUTHORIZED).status_code == 200


def test_who_may_not_come_in_learns_nothing_of_it(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("spent", deployment("blue", servers.start("blue").socket), refusal=USED_UP))
    answer = client.post("/spent/score", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "team" not in answer.text
