"""The proof readers, on the chain that all tests of contracts share."""

from __future__ import annotations

import pytest

from tests.unit.contracts.evm import Contract, Evm
from tests.unit.contracts.proofs.readers import (
    OpenZeppelinReader,
    Reader,
    SolidityReader,
    read_in_python,
)


@pytest.fixture(scope="session")
def harness(evm: Evm) -> Contract:
    """Every proof reader as a call."""
    return evm.deploy("ProofHarness")


@pytest.fixture(scope="session")
def read_in_solidity(harness: Contract) -> Reader:
    return SolidityReader(harness)


@pytest.fixture(scope="session")
def read_by_openzeppelin(harness: Contract) -> Reader:
    return OpenZeppelinReader(harness)


@pytest.fixture(params=["python", "solidity"])
def read(request: pytest.FixtureRequest) -> Reader:
    """Run the test with each of our readers."""
    if request.param == "python":
        return read_in_python
    reader: Reader = request.getfixturevalue("read_in_solidity")
    return reader
