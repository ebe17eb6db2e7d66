"""Where dj-stripe listens, and what follows from an event."""

from django.urls import include, path

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]


def leave_to_queue(_trigger, **_):
    """It is verified and stored; a queue would be told its id here.

    dj-stripe has this callback so that a request need not ask Stripe for the object of its event.
    """
