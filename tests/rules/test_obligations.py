"""The table of obligations has a row for every state that is not final, whoever adds one."""

import importlib
import pkgutil
import re
from enum import StrEnum

import pytest

import jobsphere
from jobsphere.reconciliation.lives import FOLLOWING, LIVES, Life
from jobsphere.reconciliation.obligations import OBLIGATIONS, Obligation, obligations_of
from jobsphere.webhooks.tables import webhook_events


def _life_cycles() -> dict[str, type[StrEnum]]:
    """Every enum of states in the source, by its name."""
    for found in pkgutil.walk_packages(jobsphere.__path__, "jobsphere."):
        if not found.name.startswith(("jobsphere.migrations.", "jobsphere.__main__")):
            importlib.import_module(found.name)
    return {
        one.__name__: one
        for one in StrEnum.__subclasses__()
        if one.__module__.startswith("jobsphere.") and one.__name__.endswith(("State", "Status"))
    }


def test_every_life_cycle_has_its_place() -> None:
    assert set(_life_cycles()) == {life.states.__name__ for life in LIVES} | set(FOLLOWING)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.kind)
def test_every_state_that_is_not_final_has_its_row_and_no_other(life: Life) -> None:
    assert life.final <= set(life.states)
    assert sorted(row.state for row in obligations_of(life)) == sorted(set(life.states) - life.final)


@pytest.mark.parametrize("row", OBLIGATIONS, ids=lambda row: f"{type(row.state).__name__}.{row.state}")
def test_nobody_is_told_before_stripe_was_asked(row: Obligation) -> None:
    assert row.normal <= row.limit
    assert row.asks
    assert row.next_step


def test_the_states_of_the_inbox_are_those_that_postgresql_knows() -> None:
    [life] = [one for one in LIVES if one.kind == "event"]
    [check] = [one for one in webhook_events.constraints if str(one.name).endswith("status_is_known")]

    assert set(re.findall("'([a-z]+)'", str(check.sqltext))) == {state.value for state in life.states}  # type: ignore[attr-defined]
