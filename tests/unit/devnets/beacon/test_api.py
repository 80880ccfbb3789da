"""A devnet's beacon node over HTTP, asked by the client that asks real nodes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.ethereum.beacon_api import LIGHT_CLIENT_PATH, BeaconApi
from adapters.ethereum.finality import BeaconFinality
from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Unavailable
from clearinghouse.proofs.ethereum.network_json import decode_network
from devnets.beacon.api import UPDATES_MAX, BeaconServer, LightClientData
from devnets.beacon.chain import BeaconChain
from devnets.beacon.validators import Validators
from tests.unit.devnets.beacon.execution import (
    GENESIS_TIME,
    SEED,
    SLOTS_PER_PERIOD,
    ExecutionChain,
    build_test_network,
)

NETWORK = build_test_network()


class Served:
    """A beacon chain that grows when told to, and its HTTP interface."""

    def __init__(self) -> None:
        self.execution = ExecutionChain()
        validators = Validators(NETWORK, SEED)
        self.chain = BeaconChain(NETWORK, validators, self.execution.payload(0))
        self.data = LightClientData(NETWORK)
        self.data.bootstrap = self.chain.bootstrap()
        self.server = BeaconServer(self.data)
        self.server.start()
        self.api = BeaconApi(self.server.url, self.chain.checkpoint_root)

    def close(self) -> None:
        self.api.close()
        self.server.close()

    def grow(self, slots: int) -> None:
        for slot in range(self.chain.head_slot + 1, self.chain.head_slot + 1 + slots):
            payload = self.execution.mine()
            final = self.execution.payload(self.execution.final_height)
            for update in self.chain.extend(slot, payload, final, self.execution.canonical_hash):
                self.data.publish(update)

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON of a path."""
        try:
            with urllib.request.urlopen(f"{self.server.url}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.close()


def test_client_reads_what_was_published_when_it_asks(served: Served) -> None:
    assert served.api.get_bootstrap() == served.chain.bootstrap()
    assert served.api.find_newest() is None
    assert served.api.find_of_period(0) is None
    served.grow(SLOTS_PER_PERIOD + 4)
    assert served.api.find_newest() == served.data.newest
    assert [served.api.find_of_period(period) for period in (0, 1)] == served.data.updates(0, 2)
    assert served.api.find_of_period(2) is None


def test_chain_is_followed_from_its_checkpoint_when_http_is_all_there_is(served: Served) -> None:
    served.grow(3 * SLOTS_PER_PERIOD)
    follower = BeaconFinality(
        NETWORK,
        served.chain.checkpoint_root,
        served.api,
        served.execution.get_header_by_hash,
        clock=lambda: GENESIS_TIME + 2 * served.chain.head_slot,
    )
    header = follower.find_newest()
    assert header is not None
    assert header.height == served.execution.final_height - 1
    assert len(follower.build_client_updates(header, 0)) == 4


def test_network_is_what_the_node_says_when_it_is_asked(served: Served) -> None:
    documents = {
        "name": NETWORK.name,
        "spec": served.get("/eth/v1/config/spec")[1]["data"],
        "genesis": served.get("/eth/v1/beacon/genesis")[1]["data"],
    }
    assert decode_network(documents) == NETWORK


def test_updates_come_in_their_order_when_several_periods_are_asked_for(served: Served) -> None:
    served.grow(3 * SLOTS_PER_PERIOD)
    status, found = served.get(f"{LIGHT_CLIENT_PATH}/updates?start_period=1&count={10**6}")
    assert status == 200
    assert [entry["version"] for entry in found] == ["fulu"] * 2
    slots = [int(entry["data"]["attested_header"]["beacon"]["slot"]) for entry in found]
    assert [NETWORK.period_at(slot) for slot in slots] == [1, 2]
    assert len(served.data.updates(0, 2)) == 2
    assert UPDATES_MAX == 128


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{LIGHT_CLIENT_PATH}/updates", 400),
        (f"{LIGHT_CLIENT_PATH}/updates?start_period=-1&count=1", 400),
        (f"{LIGHT_CLIENT_PATH}/updates?start_period=0&count=x", 400),
        (f"{LIGHT_CLIENT_PATH}/finality_update", 404),
        (f"{LIGHT_CLIENT_PATH}/bootstrap/0x{'00' * 32}", 404),
        (f"{LIGHT_CLIENT_PATH}/bootstrap/latest", 404),
        ("/eth/v2/anything", 404),
    ],
)
def test_request_is_refused_when_it_is_not_understood(
    served: Served, path: str, status: int
) -> None:
    found, error = served.get(path)
    assert found == error["code"] == status
    assert error["message"]


def test_bootstrap_is_missing_when_another_block_is_trusted(served: Served) -> None:
    other = BeaconApi(served.server.url, Hash32(b"\x01" * 32))
    with pytest.raises(Unavailable) as raised:
        other.get_bootstrap()
    other.close()
    assert raised.value.reason == "bootstrap_missing"


def test_port_is_given_back_when_the_server_never_started() -> None:
    server = BeaconServer(LightClientData(NETWORK))
    server.close()
    server.close()
    with pytest.raises(Unavailable):
        BeaconApi(server.url, Hash32(b"\x01" * 32)).find_newest()
