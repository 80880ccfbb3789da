"""A tape's accounts as clearing members and its trades as signed batches.

The tape gives accounts, orders, prices and times. What it does not give is ours, and the demo says
so: keys (derived from the address, so that members can sign), the settlement chain on which an
account deposits (by its address), and the size of the deposit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clearinghouse.book.identifiers import (
    FIRST_INSTRUMENT,
    Address,
    AssetId,
    ChainId,
    Hash32,
    InstrumentId,
)
from clearinghouse.book.orders import Fill, FillBatch, Order, PlacementLimit, Side, SignedOrder
from clearinghouse.book.ranges import INT64_MAX
from clearinghouse.book.reference import Instrument
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.orders import (
    fill_batch_digest,
    order_digest,
    placement_limit_digest,
)
from clearinghouse.commitment.signatures import GROUP_ORDER, sign_digest, signer_address
from clearinghouse.tape.instruments import TapeInstrument, cash_quanta, instruments_of
from clearinghouse.tape.orders import orders_of
from clearinghouse.tape.trades import Tape, TapeTrade

INITIAL_MARGIN_PPM = 50_000
"""Five per cent on every instrument."""
BASE_DEPOSIT_QUANTA = 1_000 * 10**6
DEPOSIT_SHARE_OF_TURNOVER = 4
"""Everyone deposits a thousand USDC and a quarter of what it will have traded."""
BATCH_FILLS = 100

_KEY_DOMAIN = b"clearinghouse demo key of "


@dataclass(frozen=True)
class DemoMember:
    """One account of the tape."""

    account: Address
    """On the tape."""
    private_key: bytes
    member: Address
    """In the clearinghouse: the address of the key."""
    chain_id: ChainId
    """Where it deposits."""
    deposit_quanta: int


@dataclass(frozen=True)
class Submission:
    """A venue's batch with the orders that the clearinghouse has not seen."""

    batch: FillBatch
    orders: tuple[SignedOrder, ...]
    signature: bytes


def derive_key(account: bytes) -> bytes:
    """Return a private key for an account of the tape; anyone can derive it, so demos only."""
    scalar = int.from_bytes(keccak256(_KEY_DOMAIN + account)) % (GROUP_ORDER - 1) + 1
    return scalar.to_bytes(32, "big")


class DemoMarket:
    """Everything that the tape's members and its venue sign."""

    def __init__(
        self,
        tape: Tape,
        clearinghouse_id: Hash32,
        chains: Sequence[ChainId],
        asset_id: AssetId,
        expiry: int,
    ) -> None:
        self.tape = tape
        self._clearinghouse_id = clearinghouse_id
        self._chains = tuple(chains)
        self._asset_id = asset_id
        self._expiry = expiry
        self._venue_key = derive_key(b"venue")
        self.venue = signer_address(self._venue_key)
        self._tape_instruments = instruments_of(tape)
        self._instrument_ids = {
            coin: InstrumentId(FIRST_INSTRUMENT + number)
            for number, coin in enumerate(self._tape_instruments)
        }
        self.members = self._enlist()
        self._orders = self._sign_orders()
        self._sent_orders: set[Hash32] = set()

    @property
    def instruments(self) -> list[Instrument]:
        """Every coin of the tape, cash-settled in the one settlement asset."""
        return [
            Instrument(
                instrument_id=self._instrument_ids[coin],
                symbol=coin,
                quote_asset=self._asset_id,
                lot_exponent=-known.size_decimals,
                initial_margin_ppm=INITIAL_MARGIN_PPM,
            )
            for coin, known in self._tape_instruments.items()
        ]

    def placement_limits(self) -> list[tuple[PlacementLimit, bytes]]:
        """Every member accepts claims on every chain, signed."""
        signed = []
        for member in self.members.values():
            for chain_id in self._chains:
                limit = PlacementLimit(member.member, chain_id, self._asset_id, INT64_MAX, 1)
                digest = placement_limit_digest(self._clearinghouse_id, limit)
                signed.append((limit, sign_digest(member.private_key, digest)))
        return signed

    def batches(self, trades: Sequence[TapeTrade]) -> Iterator[Submission]:
        """Yield the venue's signed batches of the trades, in their order."""
        for first in range(0, len(trades), BATCH_FILLS):
            yield self._batch(trades[first : first + BATCH_FILLS])

    def _batch(self, trades: Sequence[TapeTrade]) -> Submission:
        fills, orders = [], []
        for trade in trades:
            hashes = []
            for account, oid in ((trade.buyer, trade.buy_oid), (trade.seller, trade.sell_oid)):
                order_hash, signed = self._orders[account, oid]
                hashes.append(order_hash)
                if order_hash not in self._sent_orders:
                    self._sent_orders.add(order_hash)
                    orders.append(signed)
            lots = self._lots(trade)
            fills.append(Fill(hashes[0], hashes[1], lots, cash_quanta(trade)))
        identity = b"".join(trade.tid.to_bytes(8, "big") for trade in trades)
        batch = FillBatch(self.venue, keccak256(identity), tuple(fills))
        digest = fill_batch_digest(self._clearinghouse_id, batch)
        return Submission(batch, tuple(orders), sign_digest(self._venue_key, digest))

    def _lots(self, trade: TapeTrade) -> int:
        known: TapeInstrument = self._tape_instruments[trade.coin]
        return known.lots(trade)

    def _enlist(self) -> dict[Address, DemoMember]:
        turnover: dict[Address, int] = {}
        for trade in self.tape.trades:
            for account in (trade.buyer, trade.seller):
                turnover[account] = turnover.get(account, 0) + cash_quanta(trade)
        members = {}
        for account in sorted(turnover):
            key = derive_key(account)
            members[account] = DemoMember(
                account=account,
                private_key=key,
                member=signer_address(key),
                chain_id=self._chains[int.from_bytes(keccak256(account)) % len(self._chains)],
                deposit_quanta=BASE_DEPOSIT_QUANTA + turnover[account] // DEPOSIT_SHARE_OF_TURNOVER,
            )
        return members

    def _sign_orders(self) -> dict[tuple[Address, int], tuple[Hash32, SignedOrder]]:
        signed = {}
        for key, tape_order in orders_of(self.tape, self._tape_instruments).items():
            member = self.members[tape_order.account]
            order = Order(
                member=member.member,
                instrument=self._instrument_ids[tape_order.coin],
                side=Side.BUY if tape_order.buys else Side.SELL,
                quantity=tape_order.quantity_lots,
                limit_price=tape_order.limit_quanta,
                maximum_fee_rate=0,
                expiry=self._expiry,
                nonce=tape_order.oid,
                venue=self.venue,
            )
            digest = order_digest(self._clearinghouse_id, order)
            signed[key] = (digest, SignedOrder(order, sign_digest(member.private_key, digest)))
        return signed
