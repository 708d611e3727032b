"""`manage.py telemetry`: sends telemetry by OTLP for as long as it runs."""

from collections.abc import Callable

from django.conf import settings

from endpoints.reconcile import exporting
from studio.management.running import RunningCommand


class Command(RunningCommand):
    help = "Send metrics, logs and spans to STUDIO_OTLP_ENDPOINT. SIGTERM ends it after a step."

    def run(self, wait: Callable[[float], bool]) -> None:
        exporting.run(interval=settings.STUDIO_OTLP_INTERVAL_SECONDS, wait=wait)
