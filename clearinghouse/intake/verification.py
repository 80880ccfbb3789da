"""Where signatures are checked: before the queue, in the caller's thread, each order once.

The orders of a call are hashed together and their signers recovered over all cores, so a caller's
thread holds the interpreter only while it reads and sorts values. What passes is typed as verified
and is not looked at again; whether a mandate covers an order that a delegate signed is for the
sequencer to say, in order.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.columns import FillColumns, FillRows, MandatedOrders
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.mandates import Mandate
from clearinghouse.book.orders import (
    FillBatch,
    Order,
    PlacementLimit,
    Reason,
    Release,
    SignedOrder,
)
from clearinghouse.book.ranges import INT64_MAX, require_bytes
from clearinghouse.commitment.orders import (
    fill_columns_digest,
    fill_rows_digest,
    mandate_digest,
    mandated_order_digests,
    mandated_orders_digest,
    order_digests,
    placement_limit_digest,
    release_digest,
)
from clearinghouse.commitment.signatures import recover_signer, recover_signers
from clearinghouse.errors import Rejected

MAXIMUM_BATCH_FILLS = 8_192
MAXIMUM_BATCH_ORDERS = 2 * MAXIMUM_BATCH_FILLS
"""A fill names two orders, so a batch never needs more."""
MAXIMUM_COLUMN_FILLS = 65_536
"""Fills of one batch of columns: 1.5 MiB."""

_REMEMBERED_ORDERS = 1 << 17


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """A batch whose venue's signature holds, with the verdict on every order that came along."""

    batch: FillRows
    digest: Hash32
    signature: bytes
    orders: dict[Hash32, SignedOrder]
    """Orders with a good signature, by digest."""
    refused: dict[Hash32, Reason]
    """Orders without, by the digest that fills name."""


@dataclass(frozen=True, slots=True)
class VerifiedColumns:
    """Fills as columns whose venue's signature holds."""

    columns: FillColumns
    digest: Hash32
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifiedOrders:
    """Orders sent ahead of their fills, with the verdict on each."""

    digests: tuple[Hash32, ...]
    """One per order, in order; an order sent twice has its digest twice."""
    good: dict[Hash32, SignedOrder]
    refused: dict[Hash32, Reason]


@dataclass(frozen=True, slots=True)
class VerifiedMandatedOrders(VerifiedOrders):
    """Orders under mandates; the venue's signature over their columns holds.

    Each good one is a ``SignedOrder`` whose delegate is the venue and whose own signature is empty.
    """

    columns: MandatedOrders
    digest: Hash32
    """Of the columns."""
    signature: bytes


class Verifier:
    """Checks signatures for one clearinghouse and remembers the orders that passed."""

    def __init__(self, clearinghouse_id: Hash32) -> None:
        self._clearinghouse_id = clearinghouse_id
        self._seen: OrderedDict[tuple[Hash32, bytes], Address] = OrderedDict()
        """Signer by (digest, signature)."""
        self._lock = threading.Lock()

    def verify_batch(
        self, batch: FillRows | FillBatch, orders: Sequence[SignedOrder], signature: bytes
    ) -> VerifiedBatch:
        """Check the venue's signature over the batch, in either form, and each order's own.

        A bad order does not spoil the batch: the fills that name it are refused with its reason.

        Raises
        ------
        Rejected
            ``BATCH_TOO_LARGE``, ``BATCH_EMPTY``, ``SIGNATURE_INVALID`` or ``SIGNATURE_MALLEABLE``
            for the batch itself, ``OUT_OF_RANGE`` for a field that no signature can cover.
        """
        rows = FillRows.of(batch) if isinstance(batch, FillBatch) else batch
        if rows.count > MAXIMUM_BATCH_FILLS or len(orders) > MAXIMUM_BATCH_ORDERS:
            raise Rejected(
                "BATCH_TOO_LARGE",
                f"send at most {MAXIMUM_BATCH_FILLS} fills and {MAXIMUM_BATCH_ORDERS} orders at "
                f"once, was {rows.count} and {len(orders)}",
                fills=rows.count,
                orders=len(orders),
            )
        if not rows.count and not orders:
            raise Rejected("BATCH_EMPTY", "a batch brings at least one fill or order")
        digest = fill_rows_digest(self._clearinghouse_id, rows)
        _require_signer("venue", rows.venue, digest, signature)
        verified = self._verify_each(orders)
        return VerifiedBatch(rows, digest, signature, verified.good, verified.refused)

    def verify_columns(self, columns: FillColumns, signature: bytes) -> VerifiedColumns:
        """Check the venue's signature over fills as columns; raises as ``verify_batch``."""
        _require_count("fills", columns.count, MAXIMUM_COLUMN_FILLS)
        digest = fill_columns_digest(self._clearinghouse_id, columns)
        _require_signer("venue", columns.venue, digest, signature)
        return VerifiedColumns(columns, digest, signature)

    def verify_orders(self, venue: Address, orders: Sequence[SignedOrder]) -> VerifiedOrders:
        """Check orders that a venue sends ahead; a bad one is refused by itself.

        Raises
        ------
        Rejected
            ``BATCH_TOO_LARGE`` or ``BATCH_EMPTY``, ``OUT_OF_RANGE`` for a field that no signature
            can cover.
        """
        require_bytes("venue", venue, 20)
        _require_count("orders", len(orders), MAXIMUM_BATCH_ORDERS)
        return self._verify_each(orders)

    def verify_mandated_orders(
        self, columns: MandatedOrders, signature: bytes
    ) -> VerifiedMandatedOrders:
        """Check the venue's signature over its members' orders; raises as ``verify_batch``."""
        _require_count("orders", columns.count, MAXIMUM_BATCH_ORDERS)
        digest = mandated_orders_digest(self._clearinghouse_id, columns)
        _require_signer("venue", columns.venue, digest, signature)
        digests = _hashes(mandated_order_digests(self._clearinghouse_id, columns))
        good: dict[Hash32, SignedOrder] = {}
        refused: dict[Hash32, Reason] = {}
        for order_hash, order in zip(digests, columns.orders(), strict=True):
            if _is_well_formed(order):
                good[order_hash] = SignedOrder(order, b"", columns.venue)
            else:
                refused[order_hash] = Reason.ORDER_MALFORMED
        return VerifiedMandatedOrders(digests, good, refused, columns, digest, signature)

    def verify_mandate(self, mandate: Mandate, signature: bytes) -> Hash32:
        """Check a member's signature on a mandate; return its digest. Raises as ``verify_batch``.

        Raises
        ------
        Rejected
            Also ``MANDATE_SELF``: a member signs its own orders without a mandate.
        """
        digest = mandate_digest(self._clearinghouse_id, mandate)
        _require_signer("member", mandate.member, digest, signature)
        if mandate.delegate == mandate.member:
            raise Rejected("MANDATE_SELF", "name another key than the member's as the delegate")
        return digest

    def verify_placement_limit(self, limit: PlacementLimit, signature: bytes) -> Hash32:
        """Check a member's signature on a limit; return its digest. Raises as ``verify_batch``."""
        digest = placement_limit_digest(self._clearinghouse_id, limit)
        _require_signer("member", limit.member, digest, signature)
        return digest

    def verify_release(self, release: Release, signature: bytes) -> Hash32:
        """Check a member's signature on a release; return its digest."""
        digest = release_digest(self._clearinghouse_id, release)
        _require_signer("member", release.member, digest, signature)
        return digest

    def _verify_each(self, orders: Sequence[SignedOrder]) -> VerifiedOrders:
        """Hash all orders, then recover the signers of those that were not seen yet.

        Of several copies of one order it is enough that one is good.
        """
        rows = order_digests(self._clearinghouse_id, [signed.order for signed in orders])
        digests = _hashes(rows)
        signers = self._signers(digests, rows, orders)
        good: dict[Hash32, SignedOrder] = {}
        refused: dict[Hash32, Reason] = {}
        for digest, signed, signer in zip(digests, orders, signers, strict=True):
            reason = _refusal(signed, signer)
            if reason is None:
                good[digest] = signed
            else:
                refused[digest] = reason
        for digest in refused.keys() & good.keys():
            del refused[digest]
        return VerifiedOrders(digests, good, refused)

    def _signers(
        self, digests: Sequence[Hash32], rows: NDArray[np.uint8], orders: Sequence[SignedOrder]
    ) -> list[Address | Rejected]:
        """Return who signed each order, or why nobody did."""
        keys = [(digest, order.signature) for digest, order in zip(digests, orders, strict=True)]
        signers: list[Address | Rejected | None]
        with self._lock:
            signers = [self._seen.get(key) for key in keys]
            self._remember(
                (key, signer)
                for key, signer in zip(keys, signers, strict=True)
                if isinstance(signer, bytes)
            )
        new = [index for index, signer in enumerate(signers) if signer is None]
        recovered = recover_signers(rows[new], [orders[index].signature for index in new])
        for index, signer in zip(new, recovered, strict=True):
            signers[index] = signer
        with self._lock:
            self._remember(
                (keys[index], signer)
                for index, signer in zip(new, recovered, strict=True)
                if isinstance(signer, bytes)
            )
        return [signer for signer in signers if signer is not None]

    def _remember(self, signers: Iterable[tuple[tuple[Hash32, bytes], Address]]) -> None:
        """Make these the latest ones seen; the caller holds the lock."""
        for key, signer in signers:
            self._seen[key] = signer
            self._seen.move_to_end(key)
        while len(self._seen) > _REMEMBERED_ORDERS:
            self._seen.popitem(last=False)


def _refusal(signed: SignedOrder, signer: Address | Rejected) -> Reason | None:
    """Return why an order with this signer cannot be good, None when it can."""
    if not _is_well_formed(signed.order):
        return Reason.ORDER_MALFORMED
    if isinstance(signer, Rejected):
        return Reason(signer.reason)
    expected = signed.order.member if signed.delegate is None else signed.delegate
    return None if signer == expected else Reason.SIGNATURE_INVALID


def _is_well_formed(order: Order) -> bool:
    return 0 < order.quantity <= INT64_MAX and order.limit_price <= INT64_MAX


def _hashes(rows: NDArray[np.uint8]) -> tuple[Hash32, ...]:
    joined = rows.tobytes()
    return tuple(Hash32(joined[i : i + 32]) for i in range(0, len(joined), 32))


def _require_count(noun: str, count: int, maximum: int) -> None:
    if count > maximum:
        raise Rejected(
            "BATCH_TOO_LARGE",
            f"send at most {maximum} {noun} at once, was {count}",
            maximum=maximum,
            **{noun: count},
        )
    if not count:
        raise Rejected("BATCH_EMPTY", f"send at least one of the {noun}")


def _require_signer(role: str, expected: bytes, digest: bytes, signature: bytes) -> None:
    signer = recover_signer(digest, signature)
    if signer != expected:
        raise Rejected(
            "SIGNATURE_INVALID",
            f"the signature is not the {role}'s; sign the EIP-712 digest with the key of "
            f"0x{expected.hex()}",
            expected=expected.hex(),
            recovered=signer.hex(),
        )
