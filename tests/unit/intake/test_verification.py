"""Signatures before the queue: what spoils a batch, and what only an order in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32
from clearinghouse.book.orders import (
    Fill,
    Order,
    PlacementLimit,
    Reason,
    Release,
    Side,
    SignedOrder,
)
from clearinghouse.commitment.orders import (
    fill_columns_digest,
    mandate_digest,
    mandated_orders_digest,
    order_digest,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.signatures import GROUP_ORDER
from clearinghouse.errors import Rejected
from clearinghouse.intake import verification
from clearinghouse.intake.verification import (
    MAXIMUM_BATCH_FILLS,
    MAXIMUM_BATCH_ORDERS,
    MAXIMUM_COLUMN_FILLS,
    Verifier,
)
from tests.builders import (
    ALICE,
    BOB,
    CAROL,
    CLEARINGHOUSE_ID,
    HOME,
    OTHER_VENUE,
    USD,
    VENUE,
    build_order,
    hash_of,
    sign_batch,
    sign_order,
)
from tests.unit.book.test_mandates import mandate

BATCH_ID = Hash32(b"\x07" * 32)
ORDER = build_order(ALICE, Side.BUY, 10, 100)
FILL = Fill(ZERO_HASH, ZERO_HASH, 1, 1)
SIGNED = sign_order(ALICE, ORDER)


def second_form(signature: bytes) -> bytes:
    """Return the mathematically equal signature with s in the upper half."""
    s = GROUP_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(CLEARINGHOUSE_ID)


def refusal(verifier: Verifier, signed: SignedOrder) -> Reason | None:
    """Return why an order was refused, None when it passed; its batch passes either way."""
    batch, signature = sign_batch([FILL], BATCH_ID)
    verified = verifier.verify_batch(batch, [signed], signature)
    digest = hash_of(signed)
    assert (digest in verified.orders) != (digest in verified.refused)
    return verified.refused.get(digest)


def test_verify_batch_passes_order_when_member_signed_it(verifier: Verifier) -> None:
    assert refusal(verifier, SIGNED) is None


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (sign_order(BOB, ORDER).signature, Reason.SIGNATURE_INVALID),
        (SIGNED.signature[:-1], Reason.SIGNATURE_INVALID),
        (bytes(65), Reason.SIGNATURE_INVALID),
        (SIGNED.signature[:64] + b"\x00", Reason.SIGNATURE_INVALID),
        (b"", Reason.SIGNATURE_INVALID),
        (second_form(SIGNED.signature), Reason.SIGNATURE_MALLEABLE),
    ],
    ids=["another_key", "cut_short", "zeros", "other_v", "none", "second_form"],
)
def test_verify_batch_refuses_only_the_order_when_its_signature_is_bad(
    verifier: Verifier, signature: bytes, reason: Reason
) -> None:
    assert refusal(verifier, SignedOrder(ORDER, signature)) is reason
    assert refusal(verifier, SIGNED) is None, "what was refused is not remembered as good"
    assert refusal(verifier, SignedOrder(ORDER, signature)) is reason, "nor the other way round"


def test_verify_batch_passes_order_when_one_of_two_copies_is_good(verifier: Verifier) -> None:
    batch, signature = sign_batch([FILL], BATCH_ID)
    bad = SignedOrder(ORDER, sign_order(BOB, ORDER).signature)
    for copies in ([bad, SIGNED], [SIGNED, bad]):
        verified = verifier.verify_batch(batch, copies, signature)
        assert verified.orders == {hash_of(SIGNED): SIGNED}
        assert verified.refused == {}


@pytest.mark.parametrize(
    "fields", [{"quantity": 0}, {"quantity": 2**63}, {"limit_price": 2**63}], ids=str
)
def test_verify_batch_refuses_order_when_it_is_malformed(
    verifier: Verifier, fields: dict[str, int]
) -> None:
    order = build_order(ALICE, Side.BUY, **({"quantity": 1, "limit_price": 1} | fields))
    assert refusal(verifier, sign_order(ALICE, order)) is Reason.ORDER_MALFORMED


def test_verify_batch_takes_order_when_at_the_largest_numbers(verifier: Verifier) -> None:
    order = build_order(ALICE, Side.BUY, 2**63 - 1, 2**63 - 1, nonce=2**64 - 1, expiry=2**64 - 1)
    assert refusal(verifier, sign_order(ALICE, order)) is None


@pytest.mark.parametrize("number", [-1, 2**64])
def test_verify_batch_raises_when_no_signature_can_cover_a_number(
    verifier: Verifier, number: int
) -> None:
    batch, signature = sign_batch([FILL], BATCH_ID)
    order = SignedOrder(build_order(ALICE, Side.BUY, 1, number), bytes(65))
    with pytest.raises(Rejected, match="limit price"):
        verifier.verify_batch(batch, [order], signature)


def test_verify_batch_raises_when_another_signed_for_the_venue(verifier: Verifier) -> None:
    batch, _ = sign_batch([FILL], BATCH_ID, VENUE)
    _, signature = sign_batch([FILL], BATCH_ID, OTHER_VENUE)
    with pytest.raises(Rejected) as caught:
        verifier.verify_batch(batch, [], signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_verify_batch_raises_when_fills_differ_from_what_was_signed(verifier: Verifier) -> None:
    batch, _ = sign_batch([FILL, FILL], BATCH_ID)
    _, signature = sign_batch([FILL], BATCH_ID)
    with pytest.raises(Rejected) as caught:
        verifier.verify_batch(batch, [], signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_verify_batch_raises_when_signature_is_for_another_clearinghouse() -> None:
    batch, signature = sign_batch([FILL], BATCH_ID)
    with pytest.raises(Rejected) as caught:
        Verifier(Hash32(b"\x01" * 32)).verify_batch(batch, [], signature)
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_verify_batch_raises_when_venue_signature_is_malleable(verifier: Verifier) -> None:
    batch, signature = sign_batch([FILL], BATCH_ID)
    with pytest.raises(Rejected) as caught:
        verifier.verify_batch(batch, [], second_form(signature))
    assert caught.value.reason == "SIGNATURE_MALLEABLE"


def test_verify_batch_raises_when_it_is_too_large(verifier: Verifier) -> None:
    largest, signature = sign_batch([FILL] * MAXIMUM_BATCH_FILLS, BATCH_ID)
    verifier.verify_batch(largest, [SIGNED] * MAXIMUM_BATCH_ORDERS, signature)
    for fills, orders in ((MAXIMUM_BATCH_FILLS + 1, 0), (1, MAXIMUM_BATCH_ORDERS + 1)):
        batch, signature = sign_batch([FILL] * fills, BATCH_ID)
        with pytest.raises(Rejected) as caught:
            verifier.verify_batch(batch, [SIGNED] * orders, signature)
        assert caught.value.reason == "BATCH_TOO_LARGE"
        assert caught.value.attributes == {"fills": fills, "orders": orders}


def test_verify_batch_raises_when_it_is_empty(verifier: Verifier) -> None:
    batch, signature = sign_batch([], BATCH_ID)
    with pytest.raises(Rejected) as caught:
        verifier.verify_batch(batch, [], signature)
    assert caught.value.reason == "BATCH_EMPTY"
    assert verifier.verify_batch(batch, [SIGNED], signature).orders, "orders alone may come"


def test_verify_batch_recovers_no_key_when_order_was_seen(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovered: list[bytes] = []
    recover = verification.recover_signers

    def counting(digests: NDArray[np.uint8], signatures: Sequence[bytes]) -> object:
        recovered.extend(signatures)
        return recover(digests, signatures)

    monkeypatch.setattr(verification, "recover_signers", counting)
    for _ in range(3):
        assert refusal(verifier, SIGNED) is None
    assert recovered == [SIGNED.signature]


def test_verify_batch_forgets_the_oldest_orders_when_it_remembers_too_many(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_REMEMBERED_ORDERS", 2)
    orders = [sign_order(ALICE, build_order(ALICE, Side.BUY, 1, 1, nonce=n)) for n in range(5)]
    for signed in orders:
        assert refusal(verifier, signed) is None
    assert [digest for digest, _ in verifier._seen] == [hash_of(signed) for signed in orders[3:]]


def test_verify_limit_and_release_pass_only_when_the_member_signed(verifier: Verifier) -> None:
    limit = PlacementLimit(ALICE.address, HOME, USD, 10, 1)
    release = Release(ALICE.address, HOME, USD, 10, 1, 2)
    digests = [
        placement_limit_digest(CLEARINGHOUSE_ID, limit),
        release_digest(CLEARINGHOUSE_ID, release),
    ]
    calls = [
        lambda signature: verifier.verify_placement_limit(limit, signature),
        lambda signature: verifier.verify_release(release, signature),
    ]
    for digest, verify in zip(digests, calls, strict=True):
        signature = ALICE.sign_digest(digest)
        assert verify(signature) == digest
        for bad, reason in (
            (BOB.sign_digest(digest), "SIGNATURE_INVALID"),
            (second_form(signature), "SIGNATURE_MALLEABLE"),
        ):
            with pytest.raises(Rejected) as caught:
                verify(bad)
            assert caught.value.reason == reason


# -- columns and orders ahead of their fills -----------------------------------------------------

COLUMNS = FillColumns.of(VENUE.address, BATCH_ID, [0], [1], [10], [1_000])


def sign_columns(columns: FillColumns, venue: Any = VENUE) -> bytes:
    return venue.sign_digest(fill_columns_digest(CLEARINGHOUSE_ID, columns))


def sign_mandated(columns: MandatedOrders, venue: Any = VENUE) -> bytes:
    return venue.sign_digest(mandated_orders_digest(CLEARINGHOUSE_ID, columns))


def by_delegate(order: Order, key: Any, named: Any) -> SignedOrder:
    """Return an order with the signature of ``key`` that says ``named`` signed it."""
    signature = key.sign_digest(order_digest(CLEARINGHOUSE_ID, order))
    return SignedOrder(order, signature, named.address)


def test_verify_batch_gives_the_same_when_it_comes_packed(verifier: Verifier) -> None:
    batch, signature = sign_batch([FILL, FILL], BATCH_ID)
    packed = verifier.verify_batch(FillRows.of(batch), [SIGNED], signature)
    assert packed == verifier.verify_batch(batch, [SIGNED], signature)
    assert packed.batch.fills == batch.fills


def test_verify_columns_passes_when_the_venue_signed_them(verifier: Verifier) -> None:
    verified = verifier.verify_columns(COLUMNS, sign_columns(COLUMNS))
    assert verified.columns == COLUMNS
    assert verified.digest == fill_columns_digest(CLEARINGHOUSE_ID, COLUMNS)


def test_verify_columns_raises_when_signature_or_content_is_anothers(verifier: Verifier) -> None:
    changed = msgspec.structs.replace(COLUMNS, cash=b"\x01" + COLUMNS.cash[1:])
    for columns, signature, reason in (
        (COLUMNS, sign_columns(COLUMNS, OTHER_VENUE), "SIGNATURE_INVALID"),
        (changed, sign_columns(COLUMNS), "SIGNATURE_INVALID"),
        (COLUMNS, second_form(sign_columns(COLUMNS)), "SIGNATURE_MALLEABLE"),
        (COLUMNS, b"", "SIGNATURE_INVALID"),
    ):
        with pytest.raises(Rejected) as caught:
            verifier.verify_columns(columns, signature)
        assert caught.value.reason == reason


def test_verify_columns_raises_when_too_large_or_empty(verifier: Verifier) -> None:
    for count, reason in ((0, "BATCH_EMPTY"), (MAXIMUM_COLUMN_FILLS + 1, "BATCH_TOO_LARGE")):
        column = np.zeros(count, np.uint32)
        columns = FillColumns.of(VENUE.address, BATCH_ID, column, column, column, column)
        with pytest.raises(Rejected) as caught:
            verifier.verify_columns(columns, sign_columns(columns))
        assert caught.value.reason == reason


def test_verify_orders_judges_each_in_order_when_sent_ahead(verifier: Verifier) -> None:
    other = build_order(BOB, Side.SELL, 5, 90)
    forged = SignedOrder(other, sign_order(ALICE, other).signature)
    verified = verifier.verify_orders(VENUE.address, [SIGNED, forged, SIGNED])
    assert verified.digests == (hash_of(SIGNED), hash_of(forged), hash_of(SIGNED))
    assert verified.good == {hash_of(SIGNED): SIGNED}
    assert verified.refused == {hash_of(forged): Reason.SIGNATURE_INVALID}


def test_verify_orders_raises_when_none_or_too_many_are_sent(verifier: Verifier) -> None:
    for count, reason in ((0, "BATCH_EMPTY"), (MAXIMUM_BATCH_ORDERS + 1, "BATCH_TOO_LARGE")):
        with pytest.raises(Rejected) as caught:
            verifier.verify_orders(VENUE.address, [SIGNED] * count)
        assert caught.value.reason == reason
    with pytest.raises(Rejected, match="venue"):
        verifier.verify_orders(Address(b""), [SIGNED])


def test_verify_orders_takes_a_delegates_signature_only_when_it_is_named(
    verifier: Verifier,
) -> None:
    cases = {
        by_delegate(ORDER, BOB, BOB): None,
        by_delegate(ORDER, BOB, CAROL): Reason.SIGNATURE_INVALID,
        by_delegate(ORDER, ALICE, BOB): Reason.SIGNATURE_INVALID,
        SignedOrder(ORDER, by_delegate(ORDER, BOB, BOB).signature): Reason.SIGNATURE_INVALID,
    }
    for again in range(2):  # the second time from memory
        for signed, reason in cases.items():
            verified = verifier.verify_orders(VENUE.address, [signed])
            assert verified.refused.get(hash_of(signed)) is reason, (again, signed)


def test_verify_mandated_orders_passes_all_when_the_venue_signed(verifier: Verifier) -> None:
    orders = [ORDER, build_order(BOB, Side.SELL, 5, 90), build_order(BOB, Side.SELL, 0, 90)]
    columns = MandatedOrders.of(VENUE.address, orders)
    verified = verifier.verify_mandated_orders(columns, sign_mandated(columns))
    digests = tuple(order_digest(CLEARINGHOUSE_ID, order) for order in orders)
    assert verified.digests == digests
    assert verified.good == {
        digest: SignedOrder(order, b"", VENUE.address)
        for digest, order in zip(digests[:2], orders, strict=False)
    }
    assert verified.refused == {digests[2]: Reason.ORDER_MALFORMED}
    assert verified.digest == mandated_orders_digest(CLEARINGHOUSE_ID, columns)


def test_verify_mandated_orders_raises_when_another_signed_or_none_are_sent(
    verifier: Verifier,
) -> None:
    columns, empty = MandatedOrders.of(VENUE.address, [ORDER]), MandatedOrders.of(VENUE.address, [])
    for sent, signature, reason in (
        (columns, sign_mandated(columns, OTHER_VENUE), "SIGNATURE_INVALID"),
        (columns, ALICE.sign_digest(hash_of(SIGNED)), "SIGNATURE_INVALID"),
        (empty, sign_mandated(empty), "BATCH_EMPTY"),
    ):
        with pytest.raises(Rejected) as caught:
            verifier.verify_mandated_orders(sent, signature)
        assert caught.value.reason == reason


def test_verify_mandate_passes_only_when_the_member_signed(verifier: Verifier) -> None:
    given = mandate()
    digest = mandate_digest(CLEARINGHOUSE_ID, given)
    assert verifier.verify_mandate(given, ALICE.sign_digest(digest)) == digest
    with pytest.raises(Rejected) as caught:
        verifier.verify_mandate(given, CAROL.sign_digest(digest))
    assert caught.value.reason == "SIGNATURE_INVALID"


def test_verify_mandate_raises_when_a_member_names_itself(verifier: Verifier) -> None:
    own = mandate(delegate=ALICE.address)
    with pytest.raises(Rejected) as caught:
        verifier.verify_mandate(own, ALICE.sign_digest(mandate_digest(CLEARINGHOUSE_ID, own)))
    assert caught.value.reason == "MANDATE_SELF"
