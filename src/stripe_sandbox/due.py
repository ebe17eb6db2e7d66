"""What happens by itself when its time comes, in order of due time."""

from collections.abc import Callable

from stripe_sandbox import tidying
from stripe_sandbox.money import automatic_payouts, balance_transactions, payouts, topups
from stripe_sandbox.payments import aftermath, capture, charges, dispute_course, refunds
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks import delivery

ACTIONS: dict[str, Callable[[Sandbox, Record], None]] = {
    "charge.aftermath": aftermath.follow,
    "charge.settle": charges.settle_and_tell,
    "delivery.retry": delivery.retry,
    "dispute.close_inquiry": dispute_course.close_inquiry,
    "dispute.deadline": dispute_course.miss_deadline,
    "dispute.review": dispute_course.review,
    "funds.available": balance_transactions.become_available,
    "payout.arrive": payouts.arrive,
    "payout.leave": payouts.leave,
    "payouts.sweep": automatic_payouts.sweep,
    "payment_intent.lapse": capture.lapse,
    "refund.fail": refunds.fail,
    "refund.fund": refunds.fund,
    "refund.settle": refunds.settle,
    "topup.arrive": topups.arrive,
    tidying.ACTION: tidying.tidy,
}


def fire_due(sandbox: Sandbox) -> int:
    """Do everything that is due now, oldest first; returns how much that was."""
    tidying.plan(sandbox)
    count = 0
    while task := sandbox.schedule.take_due(sandbox.clock.now()):
        subject = sandbox.store.get(task["subject"])
        if subject is not None:
            ACTIONS[task["action"]](sandbox, subject)
        count += 1
    if count:
        sandbox.commit()
    return count


async def advance(sandbox: Sandbox, seconds: float) -> None:
    """Let ``seconds`` pass: the clock stops at every due time on the way, and deliveries are tried there."""
    await sandbox.outbox.drained()
    target = sandbox.clock.now() + seconds
    fire_due(sandbox)
    while (due := sandbox.schedule.next_due()) is not None and due <= target:
        sandbox.move_clock_to(due)
        fire_due(sandbox)
        await sandbox.outbox.drained()
    sandbox.move_clock_to(target)
    fire_due(sandbox)
    sandbox.commit()
    await sandbox.outbox.drained()
