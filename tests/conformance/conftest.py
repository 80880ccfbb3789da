"""Every test of this folder runs on both kinds of chain: simulated, and real anvils."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.evm_world import EvmDeployment, EvmWorld
from tests.conformance.scenario import Scenario
from tests.conformance.simulated_world import SimulatedWorld
from tests.conformance.world import World


@pytest.fixture(scope="session")
def evm_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmDeployment]:
    """Three anvils with a clearinghouse on them."""
    deployment = EvmDeployment(tmp_path_factory.mktemp("anvils"))
    yield deployment
    deployment.close()


@pytest.fixture(params=["simulated", "evm"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A clearinghouse on three chains, as just deployed."""
    if request.param == "simulated":
        yield SimulatedWorld()
        return
    world = EvmWorld(request.getfixturevalue("evm_deployment"))
    yield world
    world.close()


@pytest.fixture
def scenario(world: World) -> Scenario:
    """A coordinator's and relayers' steps on that world."""
    return Scenario(world)
