"""Settings of the Sentry server that the tests start: all in one folder, one process, and every event checked."""

import os

from bugsink.settings.default import *  # noqa: F403

FOLDER = os.environ["BUGSINK_FOLDER"]
SECRET_KEY = "only for the tests, which are alone with it: 0123456789 0123456789"
DATABASES["default"]["NAME"] = f"{FOLDER}/db.sqlite3"  # noqa: F405
DATABASES["snappea"]["NAME"] = f"{FOLDER}/tasks.sqlite3"  # noqa: F405
SNAPPEA = {"TASK_ALWAYS_EAGER": True}  # an event is stored when its request is answered
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
BUGSINK = {
    "BASE_URL": "http://127.0.0.1",
    "SINGLE_USER": True,
    "PHONEHOME": False,
    "INGEST_STORE_BASE_DIR": f"{FOLDER}/ingest",
    "VALIDATE_ON_DIGEST": "strict",  # by Sentry's own JSON schema of events
}
