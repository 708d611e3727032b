"""`manage.py up`: the whole studio on this machine."""

from typing import Any

from django.core.management.base import BaseCommand

from studio.env import env
from studio.launch.up import run


class Command(BaseCommand):
    help = "Start gateway, replicas, broker, web, worker, beat and collector under supervisor; Ctrl-C stops them all."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        run(env)
