"""The cards a person keeps to pay with: list them, choose one, remove one."""

from typing import Annotated, Any

from fastapi import Depends, Path
from fastapi.responses import JSONResponse

from jobsphere.deposits.remove_card import remove, want_removed
from jobsphere.deposits.saved_cards import SavedCard, cards_of, make_default
from jobsphere.identity.people import Role, User
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("cards")

LEASE_SECONDS = 30

Owner = Annotated[User, Depends(allow(Role.CUSTOMER, Role.CONTRACTOR))]
CardId = Annotated[str, Path(pattern=r"^pm_[A-Za-z0-9_]{1,250}$")]


@routes.get("/api/wallet/cards")
async def list_cards(context: CurrentContext, caller: Owner) -> JSONResponse:
    """Your saved cards, the latest first; pay with one by its `id` as `paymentMethodId`."""
    found = await cards_of(context.engine, context.gateway, caller.id)
    return answer("Your cards.", {"cards": [_data(card) for card in found]}).response()


@routes.post("/api/wallet/cards/{card_id}/default")
async def choose_card(context: CurrentContext, caller: Owner, card_id: CardId) -> JSONResponse:
    """Pay with this card when a deposit names none."""
    new_id, now = context.ids.new(), context.clock.now()
    card = await make_default(context.engine, context.gateway, caller.id, card_id, row_id=new_id, now=now)
    return answer("You pay with this card when you name none.", {"card": _data(card)}).response()


@routes.delete("/api/wallet/cards/{card_id}")
async def remove_card(context: CurrentContext, caller: Owner, card_id: CardId) -> JSONResponse:
    """Forget a card, here and at Stripe. 202: Stripe has not answered yet, JobSphere goes on by itself."""
    removal_id = await want_removed(
        context.engine,
        context.gateway,
        caller.id,
        card_id,
        row_id=context.ids.new(),
        now=context.clock.now(),
        lease_seconds=LEASE_SECONDS,
    )
    is_gone = await remove(context.engine, context.gateway, context.clock, removal_id)
    return answer("The card is removed.", {"id": card_id}, 200 if is_gone else 202).response()


def _data(card: SavedCard) -> dict[str, Any]:
    method = card.method
    return {
        "id": method.id,
        "brand": method.card.brand if method.card else None,
        "last4": method.card.last4 if method.card else None,
        "expiryMonth": method.expires[0] if method.expires else None,
        "expiryYear": method.expires[1] if method.expires else None,
        "isDefault": card.is_default,
        "createdAt": method.created_at,
    }
