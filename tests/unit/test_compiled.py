"""Kernels give one result however they run, and no edit leaves old machine code behind."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clearinghouse import compiled
from clearinghouse.compiled import (
    Kernel,
    inlined,
    interpreted,
    kernel,
    kernels_ready,
    over_cores,
    source_stamp,
    warm_up,
    warm_up_in_background,
)

STEP = 3


@inlined
def stepped(value: int) -> int:
    return value + STEP


@kernel(sample=lambda: (0, 0, np.zeros(0, np.int64)))
def step_all(start: int, stop: int, values: NDArray[np.int64]) -> None:
    for index in range(start, stop):
        values[index] = stepped(values[index])


def refuse_negative(start: int, stop: int, values: NDArray[np.int64]) -> None:
    if values[start:stop].min() < 0:
        raise ValueError("negative")


@kernel(sample=lambda: (0, 0, np.zeros(0, np.int64)), reference=refuse_negative)
def check_all(start: int, stop: int, values: NDArray[np.int64]) -> None:
    for index in range(start, stop):
        if values[index] < 0:
            raise ValueError("negative")


@kernel
def total(values: NDArray[Any]) -> Any:
    added = values[0]
    for value in values[1:]:
        added += value
    return added


@pytest.fixture
def _machine_code() -> None:
    if not warm_up():
        pytest.skip("numba is not installed")


def fresh(function: Callable[..., Any]) -> Kernel[..., Any]:
    """Return a kernel that no call of ``warm_up`` knows of."""
    return Kernel(function, lambda: (0,), None)


def test_kernel_runs_its_reference_when_nothing_was_compiled() -> None:
    each = fresh(lambda value: value + 1)
    assert each(1) == 2
    assert not each.is_ready


@pytest.mark.usefixtures("_machine_code")
def test_warm_up_makes_machine_code_of_every_kernel_when_numba_is_there() -> None:
    assert kernels_ready()
    values = np.arange(5)
    step_all(1, 3, values)
    assert values.tolist() == [0, 4, 5, 3, 4]
    with interpreted():
        assert not kernels_ready()
        step_all(1, 3, values)
    assert values.tolist() == [0, 7, 8, 3, 4]


@pytest.mark.usefixtures("_machine_code")
def test_kernel_refuses_an_argument_when_it_is_not_of_the_samples_type() -> None:
    for values in (np.zeros(4), np.arange(8)[::2]):
        with pytest.raises(TypeError, match="No matching definition"):
            step_all(0, 1, values)


@pytest.mark.usefixtures("_machine_code")
def test_kernel_takes_any_type_when_it_has_no_sample() -> None:
    assert total(np.arange(4)) == 6
    assert total(np.full(4, 0.5)) == 2.0


def test_warm_up_says_no_and_references_go_on_when_numba_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(module: str = "") -> Any:
        raise ImportError(module)

    monkeypatch.setattr(compiled, "_numba", missing)
    assert not warm_up()
    assert total(np.arange(4)) == 6


def test_warm_up_in_background_leaves_the_references_when_compilation_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(module: str = "") -> Any:
        raise RuntimeError("no target machine")

    monkeypatch.setattr(compiled, "_numba", broken)
    warm_up_in_background().join()
    assert total(np.arange(4)) == 6


def test_source_stamp_changes_when_a_constant_of_a_part_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, other = source_stamp(step_all.function), source_stamp(total.function)
    assert source_stamp(step_all.function) == before != other
    monkeypatch.setitem(globals(), "STEP", 4)
    assert source_stamp(step_all.function) != before
    assert source_stamp(total.function) == other


def test_source_stamp_changes_when_the_text_of_a_part_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before, getsource = source_stamp(step_all.function), inspect.getsource

    def edited(function: object) -> str:
        return getsource(function) + ("# edited" if function is stepped else "")  # type: ignore[arg-type]

    monkeypatch.setattr(inspect, "getsource", edited)
    assert source_stamp(step_all.function) != before


def test_source_stamp_sees_constants_when_they_are_in_a_comprehension(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spread(count: int) -> list[int]:
        return [STEP * index for index in range(count)]

    before = source_stamp(spread)
    monkeypatch.setitem(globals(), "STEP", 4)
    assert source_stamp(spread) != before


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 1_000])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_over_cores_does_every_index_once_when_slices_are_uneven(
    count: int, is_compiled: bool
) -> None:
    values = np.zeros(count, np.int64)
    if is_compiled and not warm_up():
        pytest.skip("numba is not installed")
    if is_compiled:
        over_cores(step_all, count, 10, values)
    else:
        with interpreted():
            over_cores(step_all, count, 10, values)
    assert values.tolist() == [STEP] * count


@pytest.mark.usefixtures("_machine_code")
def test_over_cores_raises_what_a_slice_raised_when_others_were_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled, "_cores", lambda: 4)
    values = np.zeros(100, np.int64)
    values[57] = -1
    with pytest.raises(ValueError, match="negative"):
        over_cores(check_all, 100, 10, values)
    assert not [thread for thread in threading.enumerate() if thread.name == "over-cores"]


PART = """
from clearinghouse.compiled import inlined


@inlined
def part(value):
    return value + {step}
"""

ENTRY = """
from clearinghouse.compiled import kernel
from part_module import part


@kernel(sample=lambda: (0,))
def entry(value):
    return part(value)
"""


def test_machine_code_is_made_anew_when_a_part_in_another_file_was_edited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """numba alone would take the old code from its cache: the kernel's own file is the same."""
    if not warm_up():
        pytest.skip("numba is not installed")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "entry_module.py").write_text(ENTRY)
    loaded = []
    for step in (1, 1, 22):
        (tmp_path / "part_module.py").write_text(PART.format(step=step))
        monkeypatch.setattr(compiled, "_registry", type(compiled._registry)())
        for name in ("part_module", "entry_module"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        entry = importlib.import_module("entry_module").entry
        assert warm_up()
        assert entry.is_ready
        assert entry(100) == 100 + step
        loaded.append(sum(entry._machine.stats.cache_hits.values()))
    for name in ("part_module", "entry_module"):
        del sys.modules[name]
    assert loaded == [0, 1, 0]
