"""dj-stripe as its documents set it up: signatures verified, stored in PostgreSQL. DATABASE (JSON) says where."""

import json
import os

ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,  # connections stay open
        **json.loads(os.environ["DATABASE"]),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # tells the length of answers
MIGRATION_MODULES = {
    "auth": None,
    "contenttypes": None,
    "djstripe": None,
}  # tables at once, as they are after all migrations
ROOT_URLCONF = "urls"
SECRET_KEY = "of this benchmark only"  # noqa: S105 - as it says
USE_TZ = True

DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_WEBHOOK_EVENT_CALLBACK = "urls.leave_to_queue"
STRIPE_LIVE_MODE = False
STRIPE_TEST_SECRET_KEY = "sk_test_benchmark"  # noqa: S105 - nobody's
