"""The wizard's last step says what was checked; a failure says why."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from endpoints import wiring
from endpoints.models import Draft, Endpoint
from tests.factories import OperationFactory
from tests.fakes import FakeCompute
from tests.people import People
from tests.world import World

SignedIn = Callable[[str], Client]


@pytest.fixture
def draft(world: World) -> Draft:
    """Of a deployment whose script nothing is wrong with."""
    basics = {"name": "fresh", "kind": "online", "auth_mode": "key", "description": "", "tags": {}}
    code = {
        "server": "script",
        "code": world.code().pk,
        "scoring_script": "score.py",
        "environment": world.environment().pk,
    }
    compute = {
        "deployment_name": "blue",
        "instance_type": world.instance_type().name,
        "instance_count": 1,
        "request_timeout_ms": 5000,
        "max_concurrent_requests_per_instance": 1,
        "environment_variables": {},
        "liveness_probe": {
            "initial_delay": 1,
            "period": 1,
            "timeout": 1,
            "success_threshold": 1,
            "failure_threshold": 1,
        },
        "readiness_probe": {
            "initial_delay": 1,
            "period": 1,
            "timeout": 1,
            "success_threshold": 1,
            "failure_threshold": 1,
        },
    }
    data = {"basics": basics, "model": {"source": "none", "model": None}, "code": code, "compute": compute}
    return Draft.objects.create(user=world.people.owner, workspace=world.workspace, data=data)


def test_all_is_well(signed_in: SignedIn, draft: Draft) -> None:
    page = signed_in("owner").get(reverse("wizard_preflight", args=[draft.pk])).content.decode()
    assert "score.py is Python, with init() and run()." in page
    assert "to be mended" not in page
    assert page.count("tone-ok") >= 4
    assert "every 1s" not in page


def test_what_is_to_be_mended_leads_to_its_step(signed_in: SignedIn, world: World, draft: Draft) -> None:
    draft.data["code"]["code"] = world.code(text="def init(): pass\n").pk
    draft.save()
    page = signed_in("owner").get(reverse("wizard_preflight", args=[draft.pk])).content.decode()
    assert "does not define run()" in page
    assert f"{reverse('wizard', args=[draft.pk, 'code'])}#id_scoring_script" in page


def test_nobody_sees_the_draft_of_another(signed_in: SignedIn, draft: Draft) -> None:
    for person in ("contributor", "stranger"):
        assert signed_in(person).get(reverse("wizard_preflight", args=[draft.pk])).status_code == 404


def test_a_failed_operation_tells_its_likely_causes(
    signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters, people: People
) -> None:
    blue = churn.deployments.get(name="blue")
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    compute.logs[blue.replicas.get().pk] = "T ModuleNotFoundError: No module named 'pandas'\n"
    operation = OperationFactory(deployment=blue, state="Failed", failure_code="UserScriptImportError")
    page = signed_in("owner").get(reverse("operation_detail", args=[operation.pk])).content.decode()
    assert "The environment has no module pandas" in page
    assert f"{reverse('deployment_settings', args=['churn', 'blue'])}#id_environment" in page
    read = signed_in("reader").get(reverse("operation_detail", args=[operation.pk])).content.decode()
    assert "#id_environment" not in read
