"""IT's tables: who may open them, and that what is changed there stands in the history."""

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Event
from tests.people import People


@pytest.mark.parametrize("person", ["owner", "reader", "stranger"])
def test_the_tables_are_for_staff_alone(client: Client, people: People, person: str) -> None:
    client.force_login(getattr(people, person))
    assert client.get(reverse("admin:endpoints_instancetype_changelist")).status_code == 302


def test_what_it_changes_stands_in_the_history(client: Client, people: People) -> None:
    people.staff.is_superuser = True
    people.staff.save()
    client.force_login(people.staff)
    fields = {"email": "reader@example.com", "display_name": "Rea Der", "is_active": "on"}
    joined = people.reader.date_joined
    fields |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    answer = client.post(reverse("admin:endpoints_user_change", args=[people.reader.pk]), fields)
    assert answer.status_code == 302, answer.content
    event = Event.objects.get(verb="user.changed")
    assert event.after
    assert (event.subject, event.actor, event.after["display_name"]) == ("Rea Der", people.staff, "Rea Der")


def test_what_services_own_cannot_be_changed_here(client: Client, people: People) -> None:
    client.force_login(people.staff)
    assert client.get(reverse("admin:endpoints_endpoint_add")).status_code == 403
    assert client.get(reverse("admin:endpoints_instancetype_add")).status_code == 403
    assert client.get(reverse("admin:endpoints_price_add")).status_code == 403
