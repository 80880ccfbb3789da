"""Netting figures of a ledger's fills, from columns: ``figures_of_fills`` without its loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearinghouse.netting.metrics import FillFigures, NettingFigures
from clearinghouse.netting.nets import SAFE_QUANTA


class FillTable(NamedTuple):
    """Admitted fills, one element each; accounts and instruments are numbers from 0."""

    buyers: NDArray[np.int64]
    sellers: NDArray[np.int64]
    instruments: NDArray[np.int64]
    quantities: NDArray[np.int64]
    """Lots."""
    cash: NDArray[np.int64]
    """Quanta."""


def figures_of_columns(
    fills: FillTable, assets: NDArray[np.int64], marks: NDArray[np.int64]
) -> FillFigures:
    """Return the figures of fills: what ``figures_of_fills`` gives per quote asset, added up.

    ``assets`` and ``marks`` (quanta per lot) have an element per instrument. Worths of different
    assets are added as they are.
    """
    count = len(fills.cash)
    traded = _total(fills.cash)
    both = np.concatenate([fills.buyers, fills.sellers])
    instruments = np.concatenate([fills.instruments, fills.instruments])
    lots = np.concatenate([fills.quantities, -fills.quantities])
    quanta = np.concatenate([-fills.cash, fills.cash])
    positions = _nets([both, instruments], lots)
    cash = _nets([both, assets[instruments]], quanta)
    first = np.minimum(fills.buyers, fills.sellers)
    owed = np.where(fills.buyers == first, fills.quantities, -fills.quantities)
    owed[fills.buyers == fills.sellers] = 0
    pairs = _nets([first, np.maximum(fills.buyers, fills.sellers), fills.instruments], owed)
    return FillFigures(
        NettingFigures(2 * traded, _worth(positions, marks), 2 * count, _legs(positions)),
        NettingFigures(2 * traded, _total(np.abs(cash.amounts)), 2 * count, _legs(cash)),
        NettingFigures(traded, _worth(pairs, marks), count, _legs(pairs)),
    )


class _Nets(NamedTuple):
    units: NDArray[np.int64]
    """The last part of every key."""
    amounts: NDArray[Any]


def _nets(keys: list[NDArray[np.int64]], amounts: NDArray[np.int64]) -> _Nets:
    """Sum amounts by key."""
    order = np.lexsort(keys)
    ordered = [key[order] for key in keys]
    starts = np.ones(len(order), bool)
    starts[1:] = np.any([key[1:] != key[:-1] for key in ordered], axis=0)
    values: NDArray[Any] = amounts[order]
    if np.abs(values.astype(float)).sum() >= SAFE_QUANTA:
        values = values.astype(object)
    (at,) = np.nonzero(starts)
    sums = np.add.reduceat(values, at) if len(at) else values
    return _Nets(ordered[-1][at], sums)


def _worth(nets: _Nets, marks: NDArray[np.int64]) -> int:
    """Value nets at the marks, exactly."""
    worth = 0
    for unit in np.unique(nets.units).tolist():
        worth += _total(np.abs(nets.amounts[nets.units == unit])) * int(marks[unit])
    return worth


def _legs(nets: _Nets) -> int:
    return int(np.count_nonzero(nets.amounts))


def _total(amounts: NDArray[Any]) -> int:
    """Sum exactly, beyond 63 bits too."""
    if amounts.astype(float).sum() < SAFE_QUANTA:
        return int(amounts.sum())
    return int(amounts.astype(object).sum())
