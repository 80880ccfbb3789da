"""Read recordings of three bridges: Axelar, Nomad, and the Connector set (Celer, Multichain).

Each is read as its publisher left it. Axelar's ``BLOCK_TIMESTAMP`` was mangled by a spreadsheet
and is not used; its chains are free text and are given one name each; the receiver is not in it, so
the sender stands for both. Nomad's files hold both ends of a transfer; the end where it starts is
taken, that is deposits on Ethereum and withdrawals on Moonbeam. Nomad moves eleven assets without
saying their decimals: their worth comes from the priced withdrawals of the same recording.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import msgspec

from clearinghouse.errors import Rejected
from clearinghouse.tape.files import broken_line, list_files, read_lines
from clearinghouse.tape.transfers import Transfer

Natural = Annotated[int, msgspec.Meta(ge=0)]
"""Amounts and times; a negative one is no record of anything."""

_AXELAR_CHAINS = {
    "avalanch": "avax",
    "avalanche": "avax",
    "binance": "bsc",
    "ethereum": "eth",
}
"""Axelar's spellings of the chains whose names also name its files."""

_NOMAD_DOMAINS = {"6648936": "ethereum", "1650811245": "moonbeam"}
_NOMAD_STARTS = (
    "SC_ValidERC20TokenDeposit.tsv",
    "SC_ValidNativeTokenDeposit.tsv",
    "TC_ValidERC20TokenWithdrawal.tsv",
    "TC_ValidNativeTokenWithdrawal.tsv",
)
"""The files of what left a chain. The first two: timestamp, transaction, id, sender, bridge,
beneficiary, Moonbeam token, Ethereum token, from, to, standard, amount; the others alike."""
_NOMAD_PRICES = "cctxs_withdrawals.csv"


def read_axelar(path: Path) -> list[Transfer]:
    """Read one ``<chain>_to_elsewhere.csv`` or a folder of them; all of it is USDC.

    Raises
    ------
    Rejected
        ``tape_missing``, ``tape_unreadable``, or ``tape_line_broken`` with the line.
    """
    transfers = []
    for file in list_files(path, "*_to_elsewhere.csv"):
        source = file.name.partition("_")[0]
        for line, row in _csv_rows(file):
            try:
                destination = row["DESTINATIONCHAIN"].strip().lower()
                amount = _natural(row["RAW_AMOUNT"])
                transfers.append(
                    Transfer(
                        sender=row["EOA"],
                        receiver=row["EOA"],
                        asset="USDC",
                        source=source,
                        destination=_AXELAR_CHAINS.get(destination, destination),
                        amount=amount,
                        worth_quanta=amount,
                        time_seconds=_natural(row["TIMESTAMP_SECONDS"]),
                    )
                )
            except (KeyError, ValueError) as error:
                raise broken_line(file, line, _why(error)) from error
    return transfers


def read_nomad(path: Path) -> list[Transfer]:
    """Read a folder of Nomad events, or one of its files with the prices beside it.

    A transfer is worth its amount at its asset's priced withdrawal nearest in time. An asset that
    was never priced is worth nothing here: its legs count, its worth does not.

    Raises
    ------
    Rejected
        ``tape_missing``, ``tape_unreadable``, or ``tape_line_broken`` with the line.
    """
    if path.is_file():
        files = [path]
    else:
        files = [file for name in _NOMAD_STARTS for file in list_files(path, name)]
    prices = _nomad_prices(files[0].parent)
    transfers = []
    for file in files:
        for line, text in read_lines(file):
            try:
                columns = text.decode().split("\t")
                if len(columns) != 12:
                    raise ValueError(f"expected 12 columns, were {len(columns)}")
                time_seconds, amount = _natural(columns[0]), _natural(columns[11])
                asset = columns[7]
                price = _nearest(prices.get(asset, []), time_seconds)
                transfers.append(
                    Transfer(
                        sender=columns[3],
                        receiver=columns[5],
                        asset=asset,
                        **_nomad_route(file, columns),
                        amount=amount,
                        worth_quanta=round(amount * price),
                        time_seconds=time_seconds,
                    )
                )
            except (KeyError, ValueError) as error:
                raise broken_line(file, line, _why(error)) from error
    return transfers


def _nomad_route(file: Path, columns: list[str]) -> dict[str, str]:
    """Return source and destination.

    Both kinds of file name Ethereum first; a deposit leaves it, a withdrawal arrives there.
    """
    ends = [_NOMAD_DOMAINS[columns[8]], _NOMAD_DOMAINS[columns[9]]]
    if file.name.startswith("TC_"):
        ends.reverse()
    return {"source": ends[0], "destination": ends[1]}


def _nomad_prices(folder: Path) -> dict[str, list[tuple[int, Fraction]]]:
    """Return (time in seconds, quanta per base unit) of each Ethereum token, by time."""
    prices: dict[str, list[tuple[int, Fraction]]] = {}
    for file in list_files(folder, _NOMAD_PRICES):
        for line, row in _csv_rows(file):
            try:
                amount = _natural(row["amount"])
                if amount and row["value_usd"]:
                    value = Fraction(Decimal(row["value_usd"])) * 10**6
                    prices.setdefault(row["dst_token"], []).append(
                        (_natural(row["orig_timestamp"]), value / amount)
                    )
            except (KeyError, ValueError, ArithmeticError) as error:
                raise broken_line(file, line, _why(error)) from error
    for series in prices.values():
        series.sort()
    return prices


def _nearest(series: list[tuple[int, Fraction]], time_seconds: int) -> Fraction:
    """Return the price nearest in time, the earlier one of two as near; 0 without any."""
    after = bisect_left(series, (time_seconds, Fraction(0)))
    around = series[max(0, after - 1) : after + 1]
    return min(around, key=lambda p: abs(p[0] - time_seconds), default=(0, Fraction(0)))[1]


class _ConnectorArguments(msgspec.Struct):
    sender: str
    receiver: str
    amount: Natural
    srcChain: str  # noqa: N815
    dstChain: str  # noqa: N815
    asset_s: str


class _ConnectorEvent(msgspec.Struct):
    args: _ConnectorArguments
    timestamp: Natural


def read_connector(path: Path) -> list[Transfer]:
    """Read one ``*sample.json`` or a folder of them.

    The assets have neither decimals nor prices, so worth is the amount itself. All transfers go one
    way, so nothing nets; this recording is a negative control, and no valuation can change that.

    Raises
    ------
    Rejected
        ``tape_missing``, ``tape_unreadable``, or ``tape_line_broken`` with the line or the entry.
    """
    transfers = []
    for file in list_files(path, "*sample.json"):
        text = b"\n".join(line for _, line in read_lines(file))
        try:
            entries = json.loads(text)
        except json.JSONDecodeError as error:
            raise broken_line(file, error.lineno, error.msg) from error
        except UnicodeDecodeError as error:
            raise broken_line(file, text.count(b"\n", 0, error.start) + 1, error) from error
        for event in _connector_events(file, entries):
            arguments = event.args
            transfers.append(
                Transfer(
                    sender=arguments.sender.lower(),
                    receiver=arguments.receiver.lower(),
                    asset=arguments.asset_s.lower(),
                    source=arguments.srcChain,
                    destination=arguments.dstChain,
                    amount=arguments.amount,
                    worth_quanta=arguments.amount,
                    time_seconds=event.timestamp,
                )
            )
    return transfers


def _connector_events(file: Path, entries: Any) -> list[_ConnectorEvent]:
    try:
        return msgspec.convert(entries, list[_ConnectorEvent])
    except msgspec.ValidationError as error:
        raise Rejected(
            "tape_line_broken",
            f"{file}: {error}, where $[n] is the n-th entry from 0; repair or remove the entry",
            path=file,
        ) from error


def _csv_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row by column name); a byte order mark before the header is dropped."""
    header: list[str] | None = None
    for line, text in read_lines(file):
        try:
            values = next(csv.reader([text.decode("utf-8-sig")]), [])
            if header is None:
                header = values
            elif len(values) != len(header):
                raise ValueError(f"expected {len(header)} columns, were {len(values)}")
            else:
                yield line, dict(zip(header, values, strict=True))
        except (ValueError, csv.Error) as error:
            raise broken_line(file, line, error) from error


def _natural(text: str) -> int:
    """Parse decimal digits; no sign, space or underscore."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"expected digits, was {text!r}")
    return int(text)


def _why(error: Exception) -> str:
    return f"no column or chain {error}" if isinstance(error, KeyError) else str(error)
