"""`manage.py collector`: measures for as long as it runs, and looks at the studio's own parts beside it."""

import threading
from collections.abc import Callable

from django.conf import settings

from endpoints.reconcile import collector, probing
from studio.management.running import RunningCommand


class Command(RunningCommand):
    help = "Scrape the gateway and the replicas, keep samples and usage. SIGTERM ends it after the pass."

    def run(self, wait: Callable[[float], bool]) -> None:
        # In a thread: a part that hangs keeps no pass waiting.
        threading.Thread(target=probing.run, kwargs={"wait": wait}, name="probing", daemon=True).start()
        collector.run(interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS, wait=wait)
