"""Several people at the same moment. SQLite lets one write at a time, so these run on PostgreSQL only."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

Outcome = Any
Race = Callable[..., list[Outcome]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    elsewhere = pytest.mark.skip(reason="tests/test_postgresql.py runs these on PostgreSQL")
    for item in items:
        if item.nodeid.startswith("tests/races") and not os.environ.get("STUDIO_TEST_DATABASE_URL"):
            item.add_marker(elsewhere)


@pytest.fixture
def race() -> Race:
    """Calls them at the same moment, each with a connection of its own; what each returned or raised, in order."""

    def run(*calls: Callable[[], Any]) -> list[Outcome]:
        start = Barrier(len(calls))
        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(lambda call: attempt(call, start), calls))

    return run


def attempt(call: Callable[[], Any], start: Barrier) -> Outcome:
    try:
        start.wait(30)
        return call()
    except Exception as error:
        return error
    finally:
        connections.close_all()
