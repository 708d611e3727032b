"""`manage.py collector`: measures for as long as it runs, and looks at the studio's own parts beside it."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from endpoints.reconcile import probing
from endpoints.reconcile.collector import run


class Command(BaseCommand):
    help = "Scrape the gateway and the replicas, keep samples and usage. SIGTERM ends it after the pass."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

        def wait(seconds: float) -> bool:
            connection.close_if_unusable_or_obsolete()
            return stop.wait(seconds)

        # In a thread: a part that hangs keeps no pass waiting.
        threading.Thread(target=probing.run, kwargs={"wait": wait}, name="probing", daemon=True).start()
        run(interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS, wait=wait)
