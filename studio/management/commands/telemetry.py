"""`manage.py telemetry`: sends telemetry by OTLP for as long as it runs."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from endpoints.reconcile.exporting import run


class Command(BaseCommand):
    help = "Send metrics, logs and spans to STUDIO_OTLP_ENDPOINT. SIGTERM ends it after a step."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

        def wait(seconds: float) -> bool:
            connection.close_if_unusable_or_obsolete()
            return stop.wait(seconds)

        run(interval=settings.STUDIO_OTLP_INTERVAL_SECONDS, wait=wait)
