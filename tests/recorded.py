"""Where recorded real data lies; tests that need it skip, saying so, where it is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

RECORDED = Path(__file__).resolve().parents[2] / "shared"
"""Beside the checkout, never inside it: the recordings are not ours to distribute."""


def recorded_path(relative: str) -> Path:
    """Return the path of a recording, or skip the calling test."""
    path = RECORDED / relative
    if not path.exists():
        pytest.skip(f"recorded data {relative} is not beside this checkout")
    return path
