"""The sandbox's README tells what there is: its tables are compared with the code."""

import json
import re
from dataclasses import fields
from pathlib import Path

import stripe_sandbox
from stripe_sandbox import outbox
from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.faults.deliveries import DeliveryFault, DeliveryRule
from stripe_sandbox.faults.plan import FaultPlan
from stripe_sandbox.faults.requests import RequestFault
from stripe_sandbox.payments.cards import BY_NUMBER
from stripe_sandbox.store import Store

README = (Path(stripe_sandbox.__file__).parent / "README.md").read_text()


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table that follows a heading."""
    section = README.partition(f"{heading}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_action_is_documented_with_its_object_and_options() -> None:
    told = {
        _words(name)[0]: (_words(kind), _words(options))
        for name, kind, options in _rows("### What is done by hand")
    }
    options = {name: [option.name for option in action.options] for name, action in ACTIONS.items()}
    assert told == {name: ([action.kind], options[name]) for name, action in ACTIONS.items()}


def _first_cells(heading: str) -> list[str]:
    return [_words(row[0])[0] for row in _rows(heading)]


def test_every_fault_and_every_field_of_a_rule_is_documented() -> None:
    counts = {"seen", "struck"}
    assert set(_first_cells("### Faults")) == {field.name for field in fields(DeliveryRule)} - counts
    assert _first_cells("#### Kinds for requests") == list(RequestFault)
    assert _first_cells("#### Kinds for deliveries") == list(DeliveryFault)


def test_every_state_of_a_delivery_is_documented() -> None:
    names = [name for name in vars(outbox) if name.isupper() and name[0] != "_"]
    states = {value for name in names if isinstance(value := getattr(outbox, name), str)}
    assert set(_first_cells("### Deliveries")) == states


def test_the_plan_that_the_readme_shows_is_one() -> None:
    plan = json.loads(README.partition("```json\n")[2].partition("```")[0])
    FaultPlan(Store()).replace(plan)


def test_every_test_card_is_documented_with_its_tokens_and_its_refusal() -> None:
    for tokens, number, told in _rows("## Test cards"):
        card = BY_NUMBER[_words(number)[0]]
        assert tuple(_words(tokens)) == card.tokens
        assert set(_words(told)) <= ({card.decline.code, card.decline.decline_code} if card.decline else set())
        assert bool(card.decline) == bool(_words(told))
    assert [_words(row[1])[0] for row in _rows("## Test cards")] == list(BY_NUMBER)
