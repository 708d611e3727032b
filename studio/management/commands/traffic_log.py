"""`manage.py traffic_log`: reads the gateway's log for as long as it runs."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from endpoints.reconcile.traffic_log import run


class Command(BaseCommand):
    help = "Read what the gateway wrote of requests into the traffic log. SIGTERM ends it after a part."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

        def wait(seconds: float) -> bool:
            connection.close_if_unusable_or_obsolete()
            return stop.wait(seconds)

        run(wait=wait)
