"""Blocks of fills: both sides are joined, and anything that does not add up is refused by line."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearinghouse.errors import Rejected
from clearinghouse.tape.hyperliquid import read_hyperliquid
from clearinghouse.tape.trades import TapeTrade
from tests.recorded import recorded_path

BUYER, SELLER = "0x" + "0b" * 20, "0x" + "0A" * 20


def fill(side: str, **changes: Any) -> dict[str, Any]:
    terms = {"coin": "ETH", "px": "4215.9", "sz": "0.3565", "time": 1_761_584_399_797}
    return {**terms, "side": side, "oid": 5 if side == "B" else 6, "tid": 77, **changes}


def block(*events: tuple[str, dict[str, Any]]) -> str:
    return json.dumps({"block_number": 1, "block_time": "ignored", "events": events})


GOOD = block((BUYER, fill("B")), (SELLER, fill("A")))


def written(folder: Path, *lines: str) -> Path:
    path = folder / "blocks_1.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_read_hyperliquid_joins_both_sides_of_a_trade(tmp_path: Path) -> None:
    tape = read_hyperliquid(written(tmp_path, block((SELLER, fill("A")), (BUYER, fill("B")))))
    assert tape.trades == (
        TapeTrade(
            buyer=b"\x0b" * 20,
            seller=b"\x0a" * 20,
            coin="ETH",
            price=Decimal("4215.9"),
            size=Decimal("0.3565"),
            time_ms=1_761_584_399_797,
            buy_oid=5,
            sell_oid=6,
            tid=77,
        ),
    )
    assert tape.accounts == [b"\x0a" * 20, b"\x0b" * 20]
    assert tape.coins == ["ETH"]


def test_read_hyperliquid_reads_a_folder_of_gzipped_parts_in_order(tmp_path: Path) -> None:
    for part, tid in (("blocks_2", 2), ("blocks_1", 1)):
        text = block((BUYER, fill("B", tid=tid)), (SELLER, fill("A", tid=tid)))
        (tmp_path / f"{part}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    assert [trade.tid for trade in read_hyperliquid(tmp_path).trades] == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "tape_line_broken"),
        ("[]", "tape_line_broken"),
        (block((BUYER, fill("C"))), "tape_line_broken"),
        (block((BUYER, fill("B", sz="0"))), "tape_line_broken"),
        (block((BUYER, fill("B", px="-1"))), "tape_line_broken"),
        (block((BUYER, fill("B", px="NaN"))), "tape_line_broken"),
        (block((BUYER, fill("B", sz="Infinity"))), "tape_line_broken"),
        (block(("0x12", fill("B"))), "tape_line_broken"),
        (block((BUYER, fill("B", tid="x"))), "tape_line_broken"),
        (block((BUYER, fill("B", tid=1))), "tape_trade_unmatched"),
        (block((BUYER, fill("B", tid=1)), (SELLER, fill("B", tid=1))), "tape_trade_unmatched"),
        (block((BUYER, fill("B"))), "tape_trade_unmatched"),
        (
            block((BUYER, fill("B", tid=1)), (SELLER, fill("A", tid=1, sz="0.3564"))),
            "tape_trade_unmatched",
        ),
        (
            block((BUYER, fill("B", tid=1)), (SELLER, fill("A", tid=1, coin="BTC"))),
            "tape_trade_unmatched",
        ),
    ],
)
def test_read_hyperliquid_names_the_line_when_it_is_broken(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = written(tmp_path, GOOD, line)
    with pytest.raises(Rejected, match="line 2") as caught:
        read_hyperliquid(path)
    assert caught.value.reason == reason
    assert caught.value.attributes["line"] == 2


def test_read_hyperliquid_refuses_when_the_file_is_absent(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        read_hyperliquid(tmp_path / "absent.jsonl")
    assert caught.value.reason == "tape_missing"


def test_read_hyperliquid_refuses_when_the_file_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "blocks_1.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD.encode() * 100)[:-12])
    with pytest.raises(Rejected) as caught:
        read_hyperliquid(path)
    assert caught.value.reason == "tape_unreadable"


def test_read_hyperliquid_reads_the_recorded_slice() -> None:
    """The counts are the ones that its provenance note states."""
    tape = read_hyperliquid(recorded_path("data/hyperliquid_fills_20251027"))
    assert len(tape.trades) == 2_378
    assert len(tape.accounts) == 731
    assert len(tape.coins) == 168
    worth = sum(trade.price * trade.size for trade in tape.trades)
    assert round(worth / 10_000) == 503
