"""``make chaos SEED=… SCENARIOS=…``: play that many scenarios on databases and a sandbox of its own."""

import argparse
import json
import logging
import sys
from collections import Counter
from hashlib import sha256

import structlog

from tests.chaos.bugs import BUGS
from tests.chaos.lanes import LANES, play
from tests.chaos.plan import plan
from tests.chaos.run import Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=LANES, help="so many groups are played at once")
    parser.add_argument("--plant-bug", choices=sorted(BUGS))
    given = parser.parse_args()
    groups = plan(given.seed, given.scenarios)
    digest = sha256(repr(groups).encode()).hexdigest()[:12]
    total = sum(len(one.scenarios) for one in groups)
    _say(f"seed {given.seed}: {total} scenarios in {len(groups)} groups, plan {digest}")
    if given.plant_bug:
        _say(f"planted bug: {given.plant_bug}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return _tell(play(groups, given.plant_bug, lanes=given.lanes, say=_say))


def _tell(report: Report) -> int:
    for title, counts in (("injected", report.counts), ("reached", report.reached)):
        _say(f"{title}: {json.dumps(dict(sorted(Counter(counts).items())))}")
    for failure in report.failures:
        _say(f"FAILED {failure}")
    _say(f"{report.played} scenarios, {len(report.failures)} failed")
    return 1 if report.failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
