"""A person's security and sessions pages, the second factor, and what of allauth is open."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from endpoints.models import Event, User
from studio.second_factor import passkeys_work_at
from studio.sessions import device_of
from tests.factories import PASSWORD
from tests.people import People

SignedIn = Callable[[str | User], Client]
QUERIES = 12  # of the list of sessions, at one row and at three
LOGIN, FACTOR, SECURITY, SESSIONS = (
    "/accounts/login/",
    "/accounts/2fa/authenticate/",
    "/profile/security/",
    "/profile/sessions/",
)
OPEN = "login/ logout/ inactive/ reauthenticate/ password/change/ 2fa/ 2fa/totp/activate/ 2fa/webauthn/add/".split()
CLOSED = (
    "3rdparty/ signup/ email/ confirm-email/ confirm-email/x/ password/reset/ password/reset/done/ "
    "password/reset/key/1-x/ login/code/ login/code/confirm/ 3rdparty/signup/ 3rdparty/login/cancelled/ "
    "3rdparty/login/error/ social/signup/ social/connections/ 2fa/recovery-codes/download/ 2fa/webauthn/signup/ "
    "2fa/trust/ signup/passkey/ sessions/ phone/change/"
).split()


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def browser(email: str, address: str = "127.0.0.1", **headers: str) -> Client:
    """Signed in with the password, as a person does."""
    client = Client(headers=headers, REMOTE_ADDR=address)
    assert client.post(LOGIN, {"login": email, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(SECURITY).status_code == 200


def confirmed(client: Client) -> Client:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def with_app(user: User) -> str:
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    return secret


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_studio_does_not_want_is_closed(signed_in: SignedIn, client: Client, path: str) -> None:
    for each in (client, signed_in("owner")):
        assert each.get(f"/accounts/{path}").status_code == 404
        assert each.post(f"/accounts/{path}").status_code == 404


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_is_in_the_house(people: People, path: str) -> None:
    client = Client() if path in ("login/", "inactive/") else confirmed(browser("owner@example.com"))
    answer = client.get(f"/accounts/{path}", follow=True)
    assert answer.status_code == 200
    assert "css/tokens" in answer.content.decode()


@pytest.mark.parametrize("name", ["profile_security", "profile_sessions"])
def test_ones_own_pages_are_everybodys(signed_in: SignedIn, client: Client, people: People, name: str) -> None:
    assert LOGIN in client.get(reverse(name))["Location"]
    for person in ("owner", "stranger"):
        assert signed_in(person).get(reverse(name)).status_code == 200


def test_sign_in_and_failure_stand_in_the_history_without_the_password(client: Client, people: People) -> None:
    client.post(LOGIN, {"login": "owner@example.com", "password": "hunter2hunter2"})
    client.post(LOGIN, {"login": "hunter2@example.com", "password": "hunter2hunter2"})
    browser("owner@example.com")
    failed, unknown = Event.objects.filter(verb="sign_in.failed").order_by("id")
    assert (failed.subject, failed.reason) == ("owner@example.com", "Wrong password, from 127.0.0.1.")
    assert (unknown.subject, failed.actor, failed.source) == ("unknown address", None, "ui")
    assert Event.objects.get(verb="sign_in.succeeded").reason == "By password, from 127.0.0.1."
    assert not any("hunter2" in str(vars(event)) for event in Event.objects.all())
    page = confirmed(browser("owner@example.com")).get(SECURITY).content.decode()
    assert "sign_in.failed" in page
    assert "unknown address" not in page


def test_who_tries_too_often_waits_and_fills_no_table(client: Client, people: People) -> None:
    for _ in range(9):
        client.post(LOGIN, {"login": "owner@example.com", "password": "wrong"})
    answer = client.post(LOGIN, {"login": "owner@example.com", "password": PASSWORD})
    assert "Too many" in answer.content.decode()
    assert not is_in(client)
    reasons = list(Event.objects.filter(verb="sign_in.failed").values_list("reason", flat=True))
    assert len(reasons) == 6
    assert sum("Too many attempts" in reason for reason in reasons) == 1
    assert is_in(browser("reader@example.com", "10.0.0.9"))


def test_an_app_is_set_up_used_and_removed(people: People, django_capture_on_commit_callbacks: Any) -> None:
    client, before = browser("owner@example.com"), browser("owner@example.com")
    activate = "/accounts/2fa/totp/activate/"
    assert "reauthenticate" in client.get(activate)["Location"]
    page = confirmed(client).get(activate).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = client.session["mfa.totp.secret"]
    assert "Incorrect code" in client.post(activate, {"code": "000000"}).content.decode()
    assert not Authenticator.objects.exists()
    secret = client.session["mfa.totp.secret"]
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(activate, {"code": code_of(secret)})
    assert (is_in(client), is_in(before)) == (True, False)  # a session that knows the password alone is over
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    kept = Authenticator.objects.get(type="totp")
    assert secret not in str(kept.data)
    shown = client.get(answer["Location"]).content.decode()
    codes = re.findall(r"<li><code>(\d{8})</code></li>", shown)
    assert len(codes) == 10
    assert codes[0] not in client.get(answer["Location"]).content.decode()
    assert [Event.objects.filter(verb=verb).count() for verb in ("second_factor.added", "recovery_codes.made")] == [
        1,
        1,
    ]
    by_recovery_code(codes[0])
    assert client.post("/accounts/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.exists()
    assert Event.objects.filter(verb="second_factor.removed").exists()


def by_recovery_code(code: str) -> None:
    fresh = Client()
    assert fresh.post(LOGIN, {"login": "owner@example.com", "password": PASSWORD})["Location"] == FACTOR
    assert not is_in(fresh)
    fresh.post(FACTOR, {"code": code})
    assert is_in(fresh)
    again = Client()
    again.post(LOGIN, {"login": "owner@example.com", "password": PASSWORD})
    assert "Incorrect code" in again.post(FACTOR, {"code": code}).content.decode()
    assert not is_in(again)


def test_a_code_opens_once(people: People) -> None:
    code = code_of(with_app(people.owner))
    clients = Client(), Client()
    for client in clients:
        client.post(LOGIN, {"login": "owner@example.com", "password": PASSWORD})
        assert "Confirm that it is you" in client.get(FACTOR).content.decode()
        client.post(FACTOR, {"code": code})
    assert [is_in(client) for client in clients] == [True, False]
    assert "Wrong code" in Event.objects.get(verb="sign_in.failed").reason


def test_without_the_password_there_is_no_second_step(client: Client, people: People) -> None:
    with_app(people.owner)
    assert client.get(FACTOR)["Location"] == LOGIN
    assert client.post(FACTOR, {"code": "123456"})["Location"] == LOGIN


def test_the_tables_have_the_same_door(client: Client, people: People) -> None:
    secret = with_app(people.staff)
    door = client.get("/admin/login/?next=/admin/")["Location"]
    assert door.startswith(LOGIN)
    assert client.post("/admin/login/", {"username": "staff@example.com", "password": PASSWORD}).status_code == 302
    assert not is_in(client)
    client.post(door, {"login": "staff@example.com", "password": PASSWORD, "next": "/admin/"})
    assert client.post(FACTOR, {"code": code_of(secret)})["Location"] == "/admin/"


def test_it_takes_a_lost_factor_away_and_sees_nothing_of_it(signed_in: SignedIn, people: People) -> None:
    with_app(people.owner)
    factor = Authenticator.objects.get()
    client = signed_in("staff")
    url = reverse("admin:mfa_authenticator_change", args=[factor.pk])
    assert factor.data["secret"] not in client.get(url).content.decode()
    client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    assert not Authenticator.objects.exists()
    assert Event.objects.get(verb="authenticator.deleted").actor == people.staff


def test_a_session_is_listed_and_ends_at_once(people: People) -> None:
    here = browser("owner@example.com", user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0")
    there = browser("owner@example.com", user_agent="Mozilla/5.0 (Windows NT 10.0) Firefox/143.0")
    assert is_in(here)
    assert is_in(there)
    page = here.get(SESSIONS).content.decode()
    assert "Chrome on Linux" in page
    assert "Firefox on Windows" in page
    assert page.count("This one") == 1
    other = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(reverse("session_end", args=[other.pk])).status_code == 303
    assert not is_in(there)
    assert is_in(here)
    assert Event.objects.get(verb="session.ended").subject == "Firefox on Windows"
    own = UserSession.objects.get(session_key=here.session.session_key)
    assert here.post(reverse("session_end", args=[own.pk]))["Location"] == LOGIN
    assert not is_in(here)


def test_a_session_of_another_is_nobodys_business(signed_in: SignedIn, people: People) -> None:
    owner, stranger = signed_in("owner"), signed_in("stranger")
    assert is_in(owner)
    session = UserSession.objects.get(user=people.owner)
    assert stranger.post(reverse("session_end", args=[session.pk])).status_code == 404
    assert is_in(owner)


def test_all_others_end_together(people: People) -> None:
    first, second, here = (browser("owner@example.com") for _ in range(3))
    another = browser("reader@example.com")
    assert here.post(reverse("sessions_end_others")).status_code == 303
    assert [is_in(client) for client in (first, second, here, another)] == [False, False, True, True]
    assert Event.objects.filter(verb="session.ended").count() == 2


def test_a_new_password_ends_other_sessions(people: People) -> None:
    here, there = browser("owner@example.com"), browser("owner@example.com")
    new = "another horse battery"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert [is_in(client) for client in (here, there)] == [True, False]
    assert UserSession.objects.filter(user=people.owner).count() == 1
    assert Event.objects.filter(verb="password.changed").exists()


def test_what_the_list_asks_the_database(people: People) -> None:
    counts = []
    for more in (0, 2):
        clients = [browser("owner@example.com") for _ in range(more + 1)]
        clients[0].get(SESSIONS)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            clients[0].get(SESSIONS)
        counts.append(len(asked))
    assert counts == [QUERIES, QUERIES]


@pytest.fixture
def required(settings: Any) -> None:
    settings.STUDIO_SECOND_FACTOR_REQUIRED = True


def test_where_a_second_factor_is_required_everything_else_waits(required: None, people: People) -> None:
    client = browser("owner@example.com")
    for path in ("/endpoints/", "/admin/", "/profile/tokens/"):
        assert client.get(path)["Location"] == SECURITY
    problem = client.get("/api/v1/endpoints/")
    assert (problem.status_code, problem.json()["code"]) == (403, "forbidden")
    assert "Set up a second factor first" in client.get(SECURITY).content.decode()
    with_app(people.owner)
    assert client.get("/endpoints/").status_code == 200


def test_who_is_not_signed_in_still_finds_the_door(required: None, client: Client, db: None) -> None:
    assert client.get(LOGIN).status_code == 200
    assert LOGIN in client.get("/endpoints/")["Location"]
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("host", "work"),
    [
        *(("localhost:8000", True), ("studio.example.org", True), ("127.0.0.1:8000", False), ("127.0.0.1", False)),
        *(("[::1]:8000", False), ("[::1]", False)),
    ],
)
def test_passkeys_need_a_name(host: str, work: bool) -> None:
    assert passkeys_work_at(host) == work


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown device"),
    ],
)
def test_devices_in_words(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
