"""A sample of the crash matrix, with every fault and every victim; ``make crash-matrix`` plays all of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import crash_matrix
from tests.processes.crash_matrix import FAULTS, Cell, Lane, Result
from tests.processes.matrix_flows import MATRIX
from tests.processes.split_world import Victim

pytestmark = pytest.mark.processes

CELLS = 9
SECONDS_MAX = 600


@pytest.fixture(scope="module")
def lanes(place: Path) -> Iterator[list[Lane]]:
    with crash_matrix.lane(place) as first, crash_matrix.lane(place) as second:
        yield [first, second]


def test_killed_anywhere_whatever_stripe_answers_a_withdrawal_is_paid_exactly_once(lanes: list[Lane]) -> None:
    cells, wanted = crash_matrix.cells_of(lanes[0], ["withdrawal"])
    chosen = crash_matrix.sample(cells, CELLS, seed=1)

    results = crash_matrix.play(lanes, chosen, wanted, seconds_max=SECONDS_MAX)

    assert len(cells) > 200
    assert {cell.fault for cell in chosen} == set(FAULTS)
    assert {cell.victim for cell in chosen} == set(crash_matrix.VICTIMS)
    assert len(results) == CELLS
    for result in results:
        assert result.breaches == (), f"{result.cell}: {result.breaches}"


def test_money_that_moves_twice_does_not_go_unseen(lanes: list[Lane]) -> None:
    flow = MATRIX["withdrawal"]
    with lanes[0].world("withdrawal") as world:
        crash_matrix.play_in(world, flow, None)
        assert flow.breaches(world) == []

        [(id_,)] = world.rows("SELECT id::text FROM withdrawals")
        form = {"amount": "100", "currency": "usd", "destination": world.ids["account"]}
        world.stripe("POST", "/transfers", form={**form, "metadata[withdrawal_id]": id_})

        assert flow.breaches(world) == ["a withdrawal that is paid has 2 live transfers and 1 live payouts"]


def test_the_last_line_counts_and_one_failure_fails_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Cell("withdrawal", None, Victim.WORKER, "stripe:create_payout:after")

    code = crash_matrix.report([Result(cell, ()), Result(cell, ("paid twice",))], left_out=0)

    assert capsys.readouterr().out.splitlines()[-1] == "2 cells, 1 failed"
    assert code == 1
    assert crash_matrix.report([Result(cell, ())], left_out=0) == 0
