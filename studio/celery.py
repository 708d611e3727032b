"""The Celery application: `celery -A studio worker`, `celery -A studio beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

app = Celery("studio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["endpoints"])
app.conf.beat_schedule = {
    "sweep": {"task": "endpoints.tasks.sweep", "schedule": 2.0, "options": {"expires": 4}},
    "idle": {"task": "endpoints.tasks.look_for_idle", "schedule": 10.0, "options": {"expires": 10}},
    "tidy": {"task": "endpoints.tasks.tidy", "schedule": 3600.0, "options": {"expires": 3600}},
}
