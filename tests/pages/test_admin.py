"""IT's tables: who may open them, and that what is changed there goes through services or stands in the history."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from endpoints.models import Event, GatewayState, User
from tests.factories import UserFactory
from tests.people import People

# Tables where something can be changed, and how that is written. All others are read-only.
WRITTEN = {
    "User": "by services.accounts",
    "Client": "recorded: allauth owns it, and no endpoint depends on it",
    "Authenticator": "taken away only, and recorded",
    "SocialAccount": "taken away only, by services.people",
}


@pytest.fixture
def hers(client: Client, people: People, hints: object) -> Client:
    client.force_login(people.staff)
    return client


def account(person: User, **changes: str) -> dict[str, str]:
    """The form's fields, with changes; an empty value leaves one out."""
    fields = {"email": person.email, "display_name": person.display_name, "is_active": "on"} | changes
    return {name: value for name, value in fields.items() if value}


def change(client: Client, person: User, **changes: str) -> Any:
    return client.post(reverse("admin:endpoints_user_change", args=[person.pk]), account(person, **changes))


@pytest.mark.parametrize("person", ["owner", "reader", "stranger"])
def test_the_tables_are_for_staff_alone(client: Client, people: People, person: str) -> None:
    client.force_login(getattr(people, person))
    assert client.get(reverse("admin:endpoints_instancetype_changelist")).status_code == 302


def test_every_table_is_read_only_or_named_here(people: People, rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = people.staff
    for model, table in admin.site._registry.items():
        if model.__name__ in WRITTEN:
            continue
        rights = (
            table.has_add_permission(request),
            table.has_change_permission(request),
            table.has_delete_permission(request),
        )
        assert rights == (False, False, False), model.__name__


def test_an_account_is_changed_by_the_service(hers: Client, people: People) -> None:
    assert change(hers, people.reader, display_name="Rea Der").status_code == 302
    event = Event.objects.get(verb="user.changed")
    assert (event.subject, event.actor) == ("Rea Der", people.staff)
    assert (event.before, event.after) == ({"display_name": ""}, {"display_name": "Rea Der"})
    assert not GatewayState.objects.filter(desired_revision__gt=0).exists()


def test_who_is_made_inactive_loses_the_gateway_too(hers: Client, people: People) -> None:
    assert change(hers, people.owner, is_active="").status_code == 302
    people.owner.refresh_from_db()
    assert not people.owner.is_active
    assert GatewayState.objects.get().desired_revision == 1


@pytest.mark.parametrize("left", ["is_staff", "is_superuser"])
def test_the_last_who_may_do_everything_stays(hers: Client, people: People, left: str) -> None:
    UserFactory(is_superuser=True)  # to whom IT's pages are closed
    answer = change(hers, people.staff, **{left: "on"})
    assert answer.status_code == 200
    assert b"Make another one staff and a superuser first" in answer.content
    people.staff.refresh_from_db()
    assert (people.staff.is_staff, people.staff.is_superuser) == (True, True)
    assert not Event.objects.exists()
    UserFactory(is_staff=True, is_superuser=True)
    assert change(hers, people.staff, **{left: "on"}).status_code == 302


def test_what_the_studio_notes_of_an_account_cannot_be_typed(hers: Client, people: People) -> None:
    dates = {f"{name}_{part}": value for name in ("date_joined", "last_login") for part, value in enumerate(DATE)}
    assert change(hers, people.reader, display_name="Rea Der", **dates).status_code == 302
    reader = User.objects.get(pk=people.reader.pk)
    assert (reader.date_joined, reader.last_login) == (people.reader.date_joined, people.reader.last_login)


DATE = ("2001-01-01", "00:00:00")


def test_a_new_account_and_its_password_stand_in_the_history(hers: Client, people: People) -> None:
    secret = "correct-horse-battery"
    fields = {"email": "new@example.com", "display_name": "", "password1": secret, "password2": secret}
    fields["usable_password"] = "true"
    assert hers.post(reverse("admin:endpoints_user_add"), fields).status_code == 302
    made = User.objects.get(email="new@example.com")
    url = reverse("admin:auth_user_password_change", args=[made.pk])
    again = {"password1": f"{secret}-2", "password2": f"{secret}-2", "usable_password": "true"}
    assert hers.post(url, again).status_code == 302
    made.refresh_from_db()
    assert made.check_password(f"{secret}-2")
    told = [(row.verb, row.subject) for row in Event.objects.order_by("id")]
    assert told == [("user.added", "new@example.com"), ("password.set", "new@example.com")]
    assert secret not in str(list(Event.objects.values()))


def test_nobody_is_deleted(hers: Client, people: People) -> None:
    url = reverse("admin:endpoints_user_delete", args=[people.reader.pk])
    assert hers.post(url, {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [str(people.reader.pk)], "post": "yes"}
    hers.post(reverse("admin:endpoints_user_changelist"), action)
    assert User.objects.filter(pk=people.reader.pk).exists()


def test_what_services_own_cannot_be_changed_here(hers: Client) -> None:
    for table in ("endpoint", "instancetype", "price"):
        assert hers.get(reverse(f"admin:endpoints_{table}_add")).status_code == 403, table
