"""The ways in by token, with a real gateway, a real identity provider, and people who lose their role."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, settled
from tests.issuer import LocalIssuer, local_issuer
from tests.tokens import AUDIENCE, bearer

pytestmark = pytest.mark.e2e
EMAIL = "scorer@example.org"

_PEOPLE = f"""
from endpoints.domain.actor import Actor, SYSTEM
from endpoints.enums import Role
from endpoints.models import User, Workspace
from endpoints.services.tokens import create_token
from endpoints.services.workspaces import set_role
user = User.objects.filter(email="{EMAIL}").first() or User.objects.create_user("{EMAIL}", "correct-horse-battery")
set_role(actor=SYSTEM, workspace=Workspace.objects.get(), email=user.email, role=Role.CONTRIBUTOR)
print(create_token(actor=Actor(user=user), name="tests")[1])
"""
_REVOKE = f"""
from endpoints.domain.actor import SYSTEM
from endpoints.models import RoleAssignment
from endpoints.services.workspaces import remove_member
remove_member(actor=SYSTEM, assignment=RoleAssignment.objects.get(user__email="{EMAIL}"))
"""


@pytest.fixture(scope="module")
def called(studio: RunningStudio) -> RunningStudio:
    """`tokened` answers."""
    deploy(studio, "tokened", "one", all_traffic=True)
    assert settled(studio, "tokened", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "tokened") == {"one": 100})
    return studio


@pytest.fixture
def scorer(called: RunningStudio) -> str:
    """A personal token of a Contributor of the workspace."""
    return called.shell(_PEOPLE).splitlines()[-1]


@pytest.fixture
def issuer(called: RunningStudio) -> Iterator[LocalIssuer]:
    """Believed by the studio, under the name `lab`; its people are known by their address."""
    with local_issuer() as running:
        body = {"name": "lab", "issuer": running.url, "audiences": [AUDIENCE], "subject_claim": "email"}
        api(called, "POST", "identity-providers/", json=body)
        yield running
        api(called, "DELETE", "identity-providers/lab/")


def score(studio: RunningStudio, token: str, endpoint: str = "tokened") -> httpx.Response:
    return httpx.post(f"{studio.gateway_url}/{endpoint}/score", json={"a": 1}, headers=bearer(token), timeout=60)


def until(studio: RunningStudio, token: str, status: int) -> httpx.Response:
    """The answer once it has this status; the gateway follows what was changed."""
    found: httpx.Response = wait_for(
        lambda: (answer := score(studio, token)).status_code == status and answer,
        what=lambda: score(studio, token).text,
    )
    return found


def mode(studio: RunningStudio, mode: str) -> None:
    api(studio, "PATCH", "endpoints/tokened/", json={"auth_mode": mode})


def own_token(studio: RunningStudio, secret: str) -> str:
    answer = httpx.post(f"{studio.url}/api/v1/me/access-token/", headers=bearer(secret), timeout=60)
    return str(answer.json()["accessToken"])


def test_a_token_of_the_endpoint_replaces_its_keys(called: RunningStudio) -> None:
    key = api(called, "POST", "endpoints/tokened/keys/list/").json()["primaryKey"]
    mode(called, "key")
    until(called, key, 200)
    mode(called, "aml_token")
    got: dict[str, Any] = api(called, "POST", "endpoints/tokened/token/").json()
    until(called, got["accessToken"], 200)
    refused = score(called, key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "Unauthorized")
    assert key not in refused.text
    assert got["tokenType"] == "Bearer"
    api(called, "POST", "signing-keys/", json={})
    newer = api(called, "POST", "endpoints/tokened/token/").json()["accessToken"]
    until(called, newer, 200)
    assert score(called, got["accessToken"]).status_code == 200  # the old key is believed for a while
    api(called, "POST", "signing-keys/", json={"revoke": True})
    until(called, got["accessToken"], 401)
    until(called, newer, 401)
    mode(called, "key")
    until(called, key, 200)


def test_a_role_that_is_taken_away_stops_working(called: RunningStudio, scorer: str) -> None:
    mode(called, "aad_token")
    token = own_token(called, scorer)
    until(called, token, 200)
    called.shell(_REVOKE)
    refused = until(called, token, 401)
    assert "no role" in refused.json()["error"]["message"]
    assert own_token(called, scorer)  # getting one needs none


def test_a_provider_of_our_own_and_its_new_keys(called: RunningStudio, scorer: str, issuer: LocalIssuer) -> None:
    mode(called, "aad_token")
    first = issuer.token(email=EMAIL)
    until(called, first, 200)
    for wrong in (
        issuer.token(email="somebody@example.org"),
        issuer.token(email=EMAIL, aud="elsewhere"),
        issuer.token(email=EMAIL, lifetime=-60),
    ):
        assert score(called, wrong).status_code == 401
    issuer.rotate()
    second = issuer.token(email=EMAIL)
    assert score(called, second).status_code == 401
    told = api(called, "POST", "token-checks/", json={"token": second, "endpoint": "tokened"}).json()
    assert (told["accepted"], told["checks"][-1]["name"]) == (False, "Signature")
    api(called, "POST", "identity-providers/lab/refresh/")
    until(called, second, 200)
    assert score(called, first).status_code == 200
    api(called, "PATCH", "identity-providers/lab/", json={"enabled": False})
    until(called, second, 401)


def test_test_calls_go_in_by_every_mode(called: RunningStudio) -> None:
    for each in ("aml_token", "aad_token", "key"):
        mode(called, each)
        wait_for(lambda: api_invoke(called) == 200)


def api_invoke(studio: RunningStudio) -> int:
    from tests.e2e.scripts import _token

    url = f"{studio.url}/api/v1/endpoints/tokened/invoke/"
    return httpx.post(url, json={"a": 1}, headers=bearer(_token(studio)), timeout=60).status_code


def test_the_mode_and_a_token_in_the_browser(called: RunningStudio, page: Page) -> None:
    page.goto("/endpoints/tokened/settings/")
    page.get_by_role("button", name="Change to studio token").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Callers that send a key get 401")
    dialog.get_by_role("button", name="Change to Studio token").click()
    expect(page.locator("#authentication")).to_contain_text("In use")
    page.goto("/endpoints/tokened/consume/")
    page.get_by_role("button", name="Get a token").click()
    expect(page.locator("#token-value")).to_be_visible()
    token = page.locator("#token-value").input_value()
    until(called, token, 200)
    page.goto("/it/identity/test/")
    page.fill("textarea[name=token]", token)
    page.fill("input[name=endpoint]", "tokened")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("[data-verdict]")).to_contain_text("The gateway takes it")
    mode(called, "key")


def test_a_provider_is_added_in_the_browser(called: RunningStudio, page: Page) -> None:
    with local_issuer() as running:
        page.goto("/it/identity/")
        page.get_by_role("link", name="Add provider").click()
        page.select_option("select[name=kind]", "keycloak")
        page.fill("input[name=name]", "browsed")
        page.fill("input[name=issuer]", "http://far.example.org/realms/lab")
        page.fill("textarea[name=audiences]", AUDIENCE)
        page.get_by_role("button", name="Add provider").click()
        expect(page.locator("form[data-guard]")).to_contain_text("Use https")
        page.fill("input[name=issuer]", running.url)
        page.get_by_role("button", name="Add provider").click()
        row = page.get_by_role("row").filter(has_text="browsed")
        expect(row).to_contain_text("Enabled")
        row.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").locator("[data-confirm-input]").fill("browsed")
        page.get_by_role("dialog").get_by_role("button", name="Remove provider").click()
        expect(page.get_by_role("row").filter(has_text="browsed")).to_have_count(0)
