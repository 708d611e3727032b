"""The demo workspace's endpoint, made in the background on the first start, and its stream of sample requests."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from endpoints.models import Workspace
from studio.demo.make import DemoFailed, make_demo, send_samples


class Command(BaseCommand):
    help = "Make the demo endpoint unless it was made (or deleted) before, then send it a bounded stream of requests."

    def handle(self, *args: Any, **options: Any) -> None:
        marker = Path(settings.STUDIO_DATA_DIR) / "demo-made"
        if marker.exists():
            return
        workspace = Workspace.objects.order_by("id").first()
        if workspace is None:
            raise CommandError("There is no workspace yet. Run manage.py bootstrap first.")
        try:
            endpoint = make_demo(workspace, say=self._say)
        except DemoFailed as error:
            raise CommandError(str(error)) from error
        marker.touch()
        self._say("The demo is up. Sending sample requests")
        self._say(f"{send_samples(endpoint)} sample requests were answered")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
