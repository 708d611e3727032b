"""402 of an endpoint whose budget is used up: for those who may come in, and away as soon as it resets."""

from dataclasses import astuple

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


def test_a_deployment_that_was_stopped_says_by_which_budget_and_its_neighbour_answers(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    green = servers.start("green")
    envoy.put(
        endpoint(
            "halves",
            deployment("blue", weight=50, refusal=USED_UP),
            deployment("green", green.socket, weight=50),
        )
    )
    pinned = client.post("/halves/score", headers=AUTHORIZED | {"azureml-model-deployment": "blue"}, json={"data": [1]})
    assert pinned.status_code == 402
    error = pinned.json()["error"]
    assert (error["code"], error["budget"], error["resets_at"]) == ("BudgetExceeded", *astuple(USED_UP))
    assert "Deployment blue was stopped when budget" in error["message"]
    pinned = client.post("/halves/score", headers=AUTHORIZED | {"azureml-model-deployment": "green"})
    assert pinned.status_code == 200
    statuses = {client.post("/halves/score", headers=AUTHORIZED).status_code for _ in range(60)}
    assert statuses == {200, 402}
    stranger = client.post("/halves/score", headers={"azureml-model-deployment": "blue"})
    assert stranger.status_code == 401
    assert "team" not in stranger.text


def test_who_may_not_come_in_learns_nothing_of_it(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("spent", deployment("blue", servers.start("blue").socket), refusal=USED_UP))
    answer = client.post("/spent/score", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "team" not in answer.text
