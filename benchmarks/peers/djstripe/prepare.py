"""Make dj-stripe's tables, and the endpoint that events are sent to: its UUID, its secret."""

import sys
import uuid

import django
from django.core.management import call_command

django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from djstripe.models import WebhookEndpoint  # noqa: E402 - only after the setup

endpoint, secret = sys.argv[1:]
WebhookEndpoint.objects.create(
    id="we_benchmark",
    djstripe_uuid=uuid.UUID(endpoint),
    secret=secret,
    livemode=False,
    url="https://benchmark.example/",
    enabled_events=["*"],
)
