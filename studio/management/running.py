"""A command that runs until it is asked to stop."""

import signal
import threading
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection


class RunningCommand(BaseCommand):
    """SIGTERM and SIGINT let `run` finish what it is at: `wait` (seconds) is true from then on."""

    requires_system_checks = []

    def run(self, wait: Callable[[float], bool]) -> None:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

        def wait(seconds: float) -> bool:
            connection.close_if_unusable_or_obsolete()
            return stop.wait(seconds)

        self.run(wait)
