"""A Stripe that runs offline, for the unmodified official SDK.

``payments``, ``money``, ``connect`` and ``webhooks`` hold Stripe's resources, each file one of them: its
parameters first, then one function per request. ``http`` has the manners that all requests share, ``books``
the double-entry books behind every balance, ``due`` what happens by itself with time, ``endpoints`` the list
of all requests, ``control_api`` and ``pages`` what Stripe does not have. Everything that is remembered is a
record of the ``store``.
"""
