"""An anvil for each test: they write into its state and move its clock by weeks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.contracts.evm import Evm
from tests.unit.proofs.rollups.chains import NOW


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Evm]:
    evm = Evm(tmp_path, time=NOW)
    yield evm
    evm.close()
