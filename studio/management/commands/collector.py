"""`manage.py collector`: measures for as long as it runs."""

from collections.abc import Callable

from django.conf import settings

from endpoints.reconcile import collector
from studio.management.running import RunningCommand


class Command(RunningCommand):
    help = "Scrape the gateway and the replicas, keep samples and usage. SIGTERM ends it after the pass."

    def run(self, wait: Callable[[float], bool]) -> None:
        collector.run(interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS, wait=wait)
