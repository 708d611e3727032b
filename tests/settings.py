"""The product's settings, away from the developer's own: a data folder for this process, no broker, no environment.

Loaded before any conftest, by `--ds` in pyproject.toml. Processes that tests start get the product's settings.
"""

import atexit
import os
import shutil
import sys
import tempfile

# Else each of the many processes that tests start would compile Django anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

KEPT = "STUDIO_TEST_"
for name in [name for name in os.environ if name.startswith("STUDIO_") and not name.startswith(KEPT)]:
    del os.environ[name]
for name in ("DATABASE_URL", "BROKER_URL"):
    os.environ.pop(name, None)

# Short: unix sockets lie below it, and a path of one has at most 107 bytes.
data_dir = tempfile.mkdtemp(prefix="es-")
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
os.environ["STUDIO_DATA_DIR"] = data_dir
if "STUDIO_TEST_SHARED_DIR" not in os.environ:  # of all processes of this run; who makes it removes it
    os.environ["STUDIO_TEST_SHARED_DIR"] = shared_dir = tempfile.mkdtemp(prefix="es-shared-")
    atexit.register(shutil.rmtree, shared_dir, ignore_errors=True)
if os.environ.get("STUDIO_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["STUDIO_TEST_DATABASE_URL"]

from studio.settings import *  # noqa: E402, F403

os.environ["DJANGO_SETTINGS_MODULE"] = "studio.settings"
os.environ.pop("DATABASE_URL", None)

if template := os.environ.get("STUDIO_TEST_TEMPLATE"):  # a PostgreSQL database that is migrated already
    DATABASES["default"]["TEST"] = {"TEMPLATE": template, "MIGRATE": False}  # noqa: F405
CELERY_BROKER_URL = "memory://"
STUDIO_GATEWAY_SOCKET = ""
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
