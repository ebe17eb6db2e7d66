"""What the owner of a wallet is told of freezes: what stops, until when; the reason is for staff. Rules only."""

from datetime import datetime
from uuid import UUID

from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.wallets.freeze import Freeze, FreezeLevel

_STOPS = {
    FreezeLevel.WITHDRAWALS: "Nothing can be withdrawn from your wallet",
    FreezeLevel.OUTGOING: "Nothing can be withdrawn from your wallet, and no offers can be sent",
    FreezeLevel.ALL: "Your wallet can neither pay nor be paid into by card",
}


def frozen(freeze: Freeze, user_id: UUID) -> Notice:
    """From now on the wallet cannot be used as before."""
    until = f" until {_time(freeze.ends_at)}" if freeze.ends_at else ""
    return _notice(
        freeze,
        user_id,
        NoticeType.WALLET_FROZEN,
        "Wallet frozen",
        f"{_STOPS[freeze.level]}{until}. What is in it stays yours, and what you earn still comes in. "
        "Contact support to learn more.",
    )


def thawed(freeze: Freeze, user_id: UUID, *, others_stay: bool) -> Notice:
    """It ended, by itself or before its time. ``others_stay``: something else still stops the wallet."""
    body = "Something else still limits what you can do." if others_stay else "You can use your wallet as before."
    return _notice(
        freeze, user_id, NoticeType.WALLET_THAWED, "Freeze ended", f"A freeze of your wallet ended. {body}"
    )


def _notice(freeze: Freeze, user_id: UUID, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"freeze:{freeze.id}:{type_.value}",
        user_id=user_id,
        type=type_,
        title=title,
        body=body,
        data={"walletId": str(freeze.wallet_id), "level": freeze.level.value},
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
