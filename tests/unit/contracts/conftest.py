"""A chain whose clock stands at slot 1,000 of the tests' beacon chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.contracts.committee import HOST_CHAIN
from tests.unit.contracts.evm import Evm
from tests.unit.proofs.ethereum.chain import NETWORK

NOW_SLOT = 1_000


@pytest.fixture(scope="session")
def evm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evm]:
    """One anvil per test process; every test deploys contracts of its own."""
    time = NETWORK.genesis_time + NOW_SLOT * NETWORK.seconds_per_slot
    chain = Evm(tmp_path_factory.mktemp("light-client"), time=time)
    yield chain
    chain.close()


@pytest.fixture(scope="session")
def committee_evm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evm]:
    """One anvil per test process whose clock the tests of committees move on."""
    chain = Evm(tmp_path_factory.mktemp("committee"), time=1_700_000_000, chain_id=HOST_CHAIN)
    yield chain
    chain.close()
