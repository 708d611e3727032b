"""IT's tables: who may open them, and that what is changed there stands in the history."""

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Event, InstanceType
from tests.factories import InstanceTypeFactory
from tests.people import People


@pytest.mark.parametrize("person", ["owner", "reader", "stranger"])
def test_the_tables_are_for_staff_alone(client: Client, people: People, person: str) -> None:
    client.force_login(getattr(people, person))
    assert client.get(reverse("admin:endpoints_instancetype_changelist")).status_code == 302


def test_a_price_that_it_changes_stands_in_the_history(client: Client, people: People) -> None:
    instance: InstanceType = InstanceTypeFactory(name="big")
    client.force_login(people.staff)
    fields = {"name": "big", "vcpu": "2", "memory_mib": "2048", "gpu": "0", "price_per_hour": "1.25", "enabled": "on"}
    answer = client.post(reverse("admin:endpoints_instancetype_change", args=[instance.pk]), fields)
    assert answer.status_code == 302, answer.content
    event = Event.objects.get(verb="instancetype.changed")
    assert (event.subject, event.actor) == ("big", people.staff)
    assert "Price per hour" in event.reason


def test_what_services_own_cannot_be_changed_here(client: Client, people: People) -> None:
    client.force_login(people.staff)
    assert client.get(reverse("admin:endpoints_endpoint_add")).status_code == 403
