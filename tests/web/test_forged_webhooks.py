"""Malformed and forged webhooks: none is accepted, none is answered with a mistake of ours.

``FUZZ_REQUESTS`` says how many are tried; ``make fuzz`` tries 20,000.
"""

import hashlib
import hmac
import os
import random
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from jobsphere.clock import ClockMovedByHand
from jobsphere.database import reading
from jobsphere.web.app import create_app
from jobsphere.web.context import Context
from jobsphere.webhooks.tables import webhook_events

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "1500"))
NOW = 1_790_000_000
SECRET, CONNECT_SECRET, FOREIGN = "whsec_platform", "whsec_connect", "whsec_somebody_else"
BODIES = (
    b'{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{}}}',
    b"",
    b"{}",
    b"[]",
)


def signature(body: bytes, secret: str, timestamp: object) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def header(body: bytes, secret: str, timestamp: object = NOW) -> str:
    return f"t={timestamp},v1={signature(body, secret, timestamp)}"


def changed(chance: random.Random, text: str) -> str:
    """With one character replaced by another, left out or doubled."""
    place = chance.randrange(len(text))
    other = chance.choice([one for one in "0123456789abcdef=,tv \t\u00e9" if one != text[place]])
    return text[:place] + chance.choice(["", other, text[place] + other]) + text[place + 1 :]


def forged(chance: random.Random) -> tuple[bytes, str | bytes | None]:
    """A body and a signature header, of which no secret of ours signed this body at this time."""
    body = chance.choice(BODIES) if chance.random() < 0.7 else chance.randbytes(chance.randrange(2000))
    good = header(body, SECRET)
    digest = signature(body, SECRET, NOW)
    kind = chance.randrange(12)
    if kind == 0:
        return body, None
    if kind == 1:
        return body, header(body, chance.choice([FOREIGN, CONNECT_SECRET, "", SECRET[:-1], SECRET + "x"]))
    if kind == 2:
        return body, header(body, SECRET, NOW + chance.choice([-301, -3600, -(10**8), 61, 300, 3600, 10**8]))
    if kind == 3:
        return body + chance.choice([b" ", b"\n", b"\x00", b"}"]), good
    if kind == 4:
        return chance.randbytes(len(body) + 1), good
    if kind == 5:
        return body, f"t={NOW},v0={digest}"
    if kind == 6:
        return body, f"t={NOW + chance.randrange(1, 60)},v1={digest}"
    if kind == 7:
        return body, f"t={chance.choice(['', '-1', '1e9', 'NaN', '0x10', '٣', '9' * 13, '9' * 4000])},v1={digest}"
    if kind == 8:
        return body, f"v1={digest}"
    if kind == 9:
        return body, chance.randbytes(chance.randrange(1, 200)).replace(b"\r", b"").replace(b"\n", b"")
    if kind == 10:
        return body, "t=" + ",v1=".join(
            [str(NOW), *(chance.randbytes(32).hex() for _ in range(chance.randrange(9)))]
        )
    # The digest itself with one character changed, in a header that is otherwise right.
    spoilt = changed(chance, digest)
    return body, f"t={NOW},v1={spoilt}" if spoilt.strip() != digest else None


async def test_no_forged_or_malformed_webhook_is_accepted(
    context: Context, clock: ClockMovedByHand, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.moment = datetime.fromtimestamp(NOW, UTC)
    secrets = {
        "stripe_webhook_secret": SecretStr(SECRET),
        "stripe_connect_webhook_secret": SecretStr(CONNECT_SECRET),
    }
    context = replace(context, settings=context.settings.model_copy(update=secrets))
    chance = random.Random(7)
    answers: Counter[int] = Counter()

    transport = httpx.ASGITransport(create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://jobsphere") as http:
        for _ in range(REQUESTS):
            body, signed = forged(chance)
            headers = [] if signed is None else [(b"stripe-signature", _raw(signed))]
            answers[(await http.post("/api/webhooks/stripe", content=body, headers=headers)).status_code] += 1
        genuine = header(BODIES[0], SECRET)
        accepted = await http.post(
            "/api/webhooks/stripe", content=BODIES[0], headers={"Stripe-Signature": genuine}
        )

    with capsys.disabled():
        sys.stdout.write(f"{REQUESTS} malformed or forged webhooks: {dict(answers)}\n")
    assert answers == {400: REQUESTS}
    assert accepted.status_code == 200
    async with reading(context.engine) as connection:
        stored = (await connection.execute(select(func.count()).select_from(webhook_events))).scalar_one()
    assert stored == 1


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
async def test_two_secrets_are_valid_while_one_is_replaced(
    context: Context, clock: ClockMovedByHand, secret: str
) -> None:
    clock.moment = datetime.fromtimestamp(NOW, UTC)
    both = {"stripe_webhook_secret": SecretStr("whsec_old, whsec_new")}
    context = replace(context, settings=context.settings.model_copy(update=both))

    transport = httpx.ASGITransport(create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://jobsphere") as http:
        headers = {"Stripe-Signature": header(BODIES[0], secret)}
        answer = await http.post("/api/webhooks/stripe", content=BODIES[0], headers=headers)

    assert answer.status_code == 200
