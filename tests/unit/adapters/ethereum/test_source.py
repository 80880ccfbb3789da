"""Light client data in a directory: what is published reads back, and no half of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.ethereum.source import DirectoryUpdates
from clearinghouse.errors import ProofInvalid, Unavailable
from devnets.beacon.chain import BeaconChain
from devnets.beacon.validators import Validators
from tests.unit.devnets.beacon.execution import SEED, ExecutionChain, build_test_network

NETWORK = build_test_network()


def test_nothing_is_found_when_nothing_is_published(tmp_path: Path) -> None:
    updates = DirectoryUpdates(tmp_path)
    assert updates.find_newest() is None
    assert updates.find_of_period(0) is None
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "0.json").write_text("[]")
    assert updates.find_of_period(0) is None
    with pytest.raises(Unavailable) as raised:
        updates.get_bootstrap()
    assert raised.value.reason == "bootstrap_missing"


def test_what_was_published_is_found_when_it_is_read_again(tmp_path: Path) -> None:
    execution, validators = ExecutionChain(), Validators(NETWORK, SEED)
    chain = BeaconChain(NETWORK, validators, execution.payload(0))
    directory = DirectoryUpdates(tmp_path / "beacon")
    directory.publish_bootstrap(NETWORK, chain.bootstrap())
    published = []
    for slot in range(1, 8):
        payload = execution.mine()
        final = execution.payload(execution.final_height)
        for update in chain.extend(slot, payload, final, execution.canonical_hash):
            directory.publish(NETWORK, update)
            published.append(update)
    assert directory.get_bootstrap() == chain.bootstrap()
    assert directory.find_newest() == published[-1]
    (rotation,) = (u for u in published if u.next_sync_committee is not None)
    assert directory.find_of_period(0) == rotation
    assert directory.find_of_period(1) is None
    assert sorted(p.name for p in (tmp_path / "beacon").iterdir()) == [
        "bootstrap.json",
        "finality_update.json",
        "updates",
    ]


@pytest.mark.parametrize("content", ["", "{", "[7]", "7", '{"data": {}}'])
def test_find_newest_is_refused_when_the_file_is_no_update(content: str, tmp_path: Path) -> None:
    (tmp_path / "finality_update.json").write_text(content)
    with pytest.raises(ProofInvalid) as raised:
        DirectoryUpdates(tmp_path).find_newest()
    assert raised.value.reason == "json_malformed"
