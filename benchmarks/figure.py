"""A figure that stands for itself: not divided by anything, and with a most that it may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``, wanted to be ``at_most``; ``missing`` says why there is none."""

    title: str
    unit: str
    at_most: float
    value: float | None = None
    missing: str | None = None
