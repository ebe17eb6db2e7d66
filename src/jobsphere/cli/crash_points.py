"""``jobsphere crash-points``: the places that ``JOBSPHERE_CRASH_AT`` knows."""

from jobsphere import crash_points


def run() -> None:
    """Print them, one a line."""
    # The modules declare their points when they are imported, and these two import all that have any.
    import jobsphere.web.app
    import jobsphere.worker  # noqa: F401

    print("\n".join(crash_points.declared()))  # noqa: T201 - meant to be piped
