"""`manage.py traffic_log`: reads the gateway's log for as long as it runs."""

from collections.abc import Callable

from endpoints.reconcile import traffic_log
from studio.management.running import RunningCommand


class Command(RunningCommand):
    help = "Read what the gateway wrote of requests into the traffic log. SIGTERM ends it after a part."

    def run(self, wait: Callable[[float], bool]) -> None:
        traffic_log.run(wait=wait)
