"""The Celery application: `celery -A studio worker`, `celery -A studio beat`."""

import os
import time
from typing import Any

from celery import Celery
from celery.signals import before_task_publish

from endpoints.telemetry.site import SENT_AT
from studio.env import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

app = Celery("studio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["endpoints"])
app.conf.beat_schedule = {
    "sweep": {"task": "endpoints.tasks.sweep", "schedule": 2.0, "options": {"expires": 4}},
    "idle": {"task": "endpoints.tasks.look_for_idle", "schedule": 10.0, "options": {"expires": 10}},
    "autoscale": {
        "task": "endpoints.tasks.autoscale",
        "schedule": float(env.autoscale_interval_seconds),
        "options": {"expires": env.autoscale_interval_seconds},
    },
    "identity": {"task": "endpoints.tasks.refresh_identity", "schedule": 15.0, "options": {"expires": 15}},
    "notifications": {"task": "endpoints.tasks.send_notifications", "schedule": 10.0, "options": {"expires": 10}},
    "audit": {"task": "endpoints.tasks.audit", "schedule": 5.0, "options": {"expires": 5}},
    "tidy": {"task": "endpoints.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3600}},
}


@before_task_publish.connect
def _stamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """When it was sent: how long the oldest one waits is seen by it."""
    if headers is not None:
        headers[SENT_AT] = time.time()
