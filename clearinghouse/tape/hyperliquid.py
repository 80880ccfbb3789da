"""Read Hyperliquid node fills (``node_fills_by_block``): one block with both sides per line.

Every trade appears twice, as a buyer's fill (``B``) and a seller's fill (``A``) under one ``tid``.
That the two agree on coin, price, size and time is a conservation test which comes with the data,
and it is applied to every trade: a tape in which one side is missing or differs is refused.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from clearinghouse.book.identifiers import Address, address_from_hex
from clearinghouse.errors import Rejected
from clearinghouse.tape.files import broken_line, list_files, read_lines
from clearinghouse.tape.trades import Tape, TapeTrade


class _Fill(msgspec.Struct):
    """The fields of a fill that clearing needs; the line carries more."""

    coin: str
    px: Decimal
    sz: Decimal
    side: Literal["A", "B"]
    time: int
    oid: int
    tid: int


class _Block(msgspec.Struct):
    block_number: int
    events: list[tuple[str, _Fill]]


_Leg = tuple[Address, _Fill, Path, int]
"""A fill with its account, file and line."""


def read_hyperliquid(path: Path) -> Tape:
    """Read a recording, or all ``blocks_*.jsonl[.gz]`` of a folder, in block order.

    Raises
    ------
    Rejected
        ``tape_missing``, ``tape_unreadable``; ``tape_line_broken`` with the line of a fill that
        cannot be read; ``tape_trade_unmatched`` when a trade has not exactly one buyer and one
        seller with the same terms.
    """
    decoder = msgspec.json.Decoder(_Block)
    waiting: dict[int, _Leg] = {}
    matched: set[int] = set()
    trades: list[TapeTrade] = []
    for file in list_files(path, "blocks_*.jsonl"):
        for line, text in read_lines(file):
            try:
                block = decoder.decode(text)
                legs = [_read_leg(event, file, line) for event in block.events]
            except (msgspec.MsgspecError, ValueError) as error:
                raise broken_line(file, line, error) from error
            for leg in legs:
                tid = leg[1].tid
                if tid in matched:
                    raise _unmatched(leg, "has more than two fills")
                first = waiting.pop(tid, None)
                if first is None:
                    waiting[tid] = leg
                else:
                    matched.add(tid)
                    trades.append(_match(first, leg))
    for leg in waiting.values():
        raise _unmatched(leg, "has one fill only")
    return Tape(f"hyperliquid {path.name}", tuple(trades))


def _read_leg(event: tuple[str, _Fill], file: Path, line: int) -> _Leg:
    account, fill = event
    for name, number in (("px", fill.px), ("sz", fill.sz)):
        if not (number.is_finite() and number > 0):
            raise ValueError(f"{name} must be a positive number, was {number}")
    return address_from_hex(account), fill, file, line


def _match(first: _Leg, second: _Leg) -> TapeTrade:
    """Join the two sides of a trade."""
    buy, sell = (first, second) if first[1].side == "B" else (second, first)
    if (buy[1].side, sell[1].side) != ("B", "A"):
        raise _unmatched(second, f"has two fills of side {second[1].side}")
    fill, other = buy[1], sell[1]
    if (fill.coin, fill.px, fill.sz, fill.time) != (other.coin, other.px, other.sz, other.time):
        raise _unmatched(second, "has two sides with different terms")
    return TapeTrade(
        buyer=buy[0],
        seller=sell[0],
        coin=fill.coin,
        price=fill.px,
        size=fill.sz,
        time_ms=fill.time,
        buy_oid=fill.oid,
        sell_oid=other.oid,
        tid=fill.tid,
    )


def _unmatched(leg: _Leg, why: str) -> Rejected:
    _, fill, path, line = leg
    return Rejected(
        "tape_trade_unmatched",
        f"{path}, line {line}: trade {fill.tid} {why}; a trade is one B and one A fill",
        path=path,
        line=line,
        tid=fill.tid,
    )
