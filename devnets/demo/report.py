"""The demo's result: one JSON object for programs, tables for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from clearinghouse.api.views import CycleLeg, CycleReport
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.netting.metrics import NettingFigures
from devnets.configuration import AssetConfiguration, DevnetConfiguration
from devnets.demo.run import DemoResult

JSON_SAFE_INTEGER = 2**53
"""Beyond it a reader with 64-bit floats loses digits, so integers become strings."""


def result_json(result: DemoResult, configuration: DevnetConfiguration) -> dict[str, Any]:
    """Return the result as JSON values."""
    names = _chain_names(configuration)
    symbols = _symbols(configuration)
    return {
        "tape": {
            "source": result.tape.source,
            "trades": len(result.tape.trades),
            "accounts": result.accounts,
            "instruments": result.instruments,
            "rejected": sum(result.rejected.values()),
            "rejected_by_reason": {
                reason.value: count for reason, count in sorted(result.rejected.items())
            },
            "chain_assignment": "ours: by account address, the tape has none",
        },
        "cycles": [_cycle_json(cycle, names, symbols) for cycle in result.cycles],
        "releases_claimed": result.released,
        "solvency": [
            {
                "chain": names[line.chain_id],
                "asset": symbols[line.asset_id],
                "vault": _exact(line.anchor.vault),
                "claims": _exact(line.anchor.claims),
                "unclaimed_releases": _exact(line.anchor.unclaimed_releases),
                "unconsumed_deposits": _exact(line.anchor.unconsumed_deposits),
                "difference": _exact(line.anchor.difference),
            }
            for line in result.solvency
        ],
        "journal": {
            "entries": result.journal_entries,
            "head": result.journal_head,
            "replay_matches": result.replay_matches,
        },
        "claims_match": result.claims_match,
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
        "ok": result.ok,
    }


def print_result(result: DemoResult, configuration: DevnetConfiguration, console: Console) -> None:
    """Print the summary for people."""
    names = _chain_names(configuration)
    assets = {asset.id: asset for asset in configuration.assets}
    tape = result.tape
    rejected = sum(result.rejected.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(result.rejected.items()))
    console.print()
    console.print(
        f"[bold]{tape.source}[/bold]: {len(tape.trades):,} trades of {result.accounts:,} accounts "
        f"in {result.instruments:,} instruments, {rejected:,} rejected"
        + (f" ({reasons})" if reasons else "")
        + f"; {result.released} releases claimed."
    )
    console.print("The chain on which an account settles is our choice, by its address.")
    console.print(
        Group(
            _netting_table(result.cycles, assets),
            _legs_table(result.cycles, names),
            _solvency_table(result, names, assets),
            _seconds_table(result),
        )
    )
    verdicts = {
        "every vault holds exactly what it owes": all(s.is_whole for s in result.solvency),
        "every claim on chain equals the ledger": result.claims_match,
        f"{result.journal_entries:,} journal entries replay to the same state": (
            result.replay_matches
        ),
    }
    for verdict, holds in verdicts.items():
        console.print(f"[{'green]✓' if holds else 'red]✗'}[/] {verdict}")


def _netting_table(cycles: list[CycleReport], assets: dict[int, AssetConfiguration]) -> Table:
    table = Table(title="gross against net: efficiency (net legs of gross legs)")
    table.add_column("cycle")
    table.add_column("outcome")
    for heading in ("fills", "positions", "cash", "bilateral", "crossing chains"):
        table.add_column(heading, justify="right")
    for cycle in cycles:
        table.add_row(
            str(cycle.cycle),
            cycle.outcome.name,
            f"{cycle.fills:,}",
            *(_figures_text(f) for f in (cycle.positions, cycle.cash, cycle.bilateral)),
            ", ".join(
                f"{_amount(quanta, assets[asset])} {assets[asset].symbol}"
                for asset, quanta in sorted(cycle.crossings.items())
                if quanta
            ),
        )
    return table


def _figures_text(figures: NettingFigures) -> str:
    return f"{figures.efficiency:.4f} ({figures.net_legs:,} of {figures.gross_legs:,})"


def _amount(quanta: int, asset: AssetConfiguration) -> str:
    """Return quanta as a decimal number of the asset, every digit kept."""
    return f"{Decimal(quanta).scaleb(-asset.quantum_decimals):,}"


def _legs_table(cycles: list[CycleReport], names: dict[ChainId, str]) -> Table:
    table = Table(title="legs: gas by call, counter-proofs verified on chain")
    for heading in ("cycle", "chain", "phase"):
        table.add_column(heading)
    for heading in ("prepare", "commit", "abort", "finalize", "updates", "proofs"):
        table.add_column(heading, justify="right")
    for cycle in cycles:
        for leg in cycle.legs:
            gas = (leg.prepare_gas, leg.commit_gas, leg.abort_gas, leg.finalize_gas, leg.update_gas)
            table.add_row(
                str(cycle.cycle),
                names[leg.chain_id],
                leg.phase.name,
                *("-" if used is None else f"{used:,}" for used in gas),
                str(leg.proofs_verified),
            )
    return table


def _solvency_table(
    result: DemoResult, names: dict[ChainId, str], assets: dict[int, AssetConfiguration]
) -> Table:
    table = Table(title="solvency")
    table.add_column("chain")
    table.add_column("asset")
    for heading in ("vault", "claims", "unclaimed releases", "unconsumed deposits", "difference"):
        table.add_column(heading, justify="right")
    for line in result.solvency:
        anchor, asset = line.anchor, assets[line.asset_id]
        amounts = (
            anchor.vault,
            anchor.claims,
            anchor.unclaimed_releases,
            anchor.unconsumed_deposits,
            anchor.difference,
        )
        table.add_row(
            names[line.chain_id], asset.symbol, *(_amount(quanta, asset) for quanta in amounts)
        )
    return table


def _seconds_table(result: DemoResult) -> Table:
    table = Table(title="seconds per stage")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in result.seconds.items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_row("all", f"{sum(result.seconds.values()):.1f}")
    return table


def _cycle_json(
    cycle: CycleReport, names: dict[ChainId, str], symbols: dict[int, str]
) -> dict[str, Any]:
    return {
        "cycle": cycle.cycle,
        "fills": cycle.fills,
        "netting": {
            name: {
                "efficiency": figures.efficiency,
                "net_legs": figures.net_legs,
                "gross_legs": figures.gross_legs,
            }
            for name, figures in (
                ("positions", cycle.positions),
                ("cash", cycle.cash),
                ("bilateral", cycle.bilateral),
            )
        },
        "crossing": {symbols[asset]: _exact(q) for asset, q in sorted(cycle.crossings.items())},
        "settlement_id": to_hex(cycle.settlement_id),
        "phase": cycle.outcome.name,
        "legs": [_leg_json(leg, names) for leg in cycle.legs],
    }


def _leg_json(leg: CycleLeg, names: dict[ChainId, str]) -> dict[str, Any]:
    return {
        "chain": names[leg.chain_id],
        "chain_id": leg.chain_id,
        "phase": leg.phase.name,
        "prepare_gas": leg.prepare_gas,
        "commit_gas": leg.commit_gas,
        "abort_gas": leg.abort_gas,
        "finalize_gas": leg.finalize_gas,
        "update_gas": leg.update_gas,
        "proofs_verified": leg.proofs_verified,
    }


def _chain_names(configuration: DevnetConfiguration) -> dict[ChainId, str]:
    return {chain.id: chain.name for chain in configuration.chains}


def _symbols(configuration: DevnetConfiguration) -> dict[int, str]:
    return {asset.id: asset.symbol for asset in configuration.assets}


def _exact(number: int) -> int | str:
    return number if abs(number) <= JSON_SAFE_INTEGER else str(number)
