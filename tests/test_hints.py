import logging
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from endpoints import hints

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: calls.append((name, options)))
    return calls


def test_sent_after_the_commit(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with transaction.atomic():
        hints.routes_changed()
        assert sent == []
    options: dict[str, Any] = {"kwargs": {}, "countdown": None, "expires": 30, "retry": False}
    assert sent == [("endpoints.tasks.reconcile_gateway", options)]


def test_not_sent_when_nothing_was_committed(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hints.routes_changed()
        raise ZeroDivisionError
    assert sent == []


def test_later(sent: list[tuple[str, dict[str, Any]]]) -> None:
    hints.deployment_changed("d-1", delay=0.5, chain="c")
    (name, options) = sent[0]
    assert (name, options["countdown"]) == ("endpoints.tasks.reconcile_deployment", 0.5)
    assert options["kwargs"] == {"deployment_id": "d-1", "chain": "c"}


def test_a_broker_that_is_down_is_no_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app, "send_task", refuse)
    with caplog.at_level(logging.WARNING):
        hints.routes_changed()
    assert "endpoints.tasks.reconcile_gateway not sent: no broker" in caplog.text


def test_the_names_are_those_of_tasks() -> None:
    import endpoints.tasks

    for name in ("reconcile_deployment", "reconcile_gateway", "sweep", "tidy"):
        assert getattr(endpoints.tasks, name).name == f"endpoints.tasks.{name}"
