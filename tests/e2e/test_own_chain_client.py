"""A chain's own past as a light client: nothing but its last 256 blocks is taken."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from adapters.evm.sender import Sender, SenderPolicy
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.errors import ChainFault
from devnets.harness import Devnet

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("own chain client")]

HERE, ELSEWHERE = ChainId(31_101), ChainId(31_102)
ACTIVE = 0


class Client:
    """The contract on one chain of the shared devnet."""

    def __init__(self, devnet: Devnet) -> None:
        url = devnet.deployment.get_chain(HERE).configuration.url
        policy = SenderPolicy(inclusion_timeout_seconds=10, poll_seconds=0.02)
        self.artifact = load_artifact("OwnChainClient")
        self.sender = Sender(connect(url), HERE, devnet.deployment.open_relayer(), policy)
        self.address: Address
        self.address, _ = self.sender.create(self.artifact.encode_creation())

    def send(self, function: str, *arguments: object) -> None:
        self.sender.send(self.address, self.artifact.encode_call(function, *arguments))

    def view(self, function: str, *arguments: object) -> tuple[Any, ...]:
        return self.sender.reader.call(self.artifact, self.address, function, *arguments)

    def refused(self, function: str, *arguments: object) -> str:
        with pytest.raises(ChainFault) as raised:
            self.send(function, *arguments)
        return str(raised.value.attributes["error"])


@pytest.fixture
def client(devnet: Devnet) -> Client:
    return Client(devnet)


def test_header_is_stored_when_it_is_of_this_chain(client: Client) -> None:
    header, encoded = client.sender.reader.get_finalised_header()
    client.send("update", encoded)
    assert client.view("latestHeight") == (header.height,)
    assert client.view("chainId") == (HERE,)
    stored = client.view("headerAt", header.height)
    assert stored == (header.state_root, header.timestamp)
    assert client.view("status") == (ACTIVE,)


def test_newest_header_stays_when_an_older_one_comes(client: Client) -> None:
    header, encoded = client.sender.reader.get_finalised_header()
    _, older = client.sender.reader.get_header_at(header.height - 1)
    client.send("update", encoded)
    client.send("update", older)
    client.send("update", encoded)
    assert client.view("latestHeight") == (header.height,)


def test_header_is_refused_when_it_is_of_another_chain(client: Client, devnet: Devnet) -> None:
    url = devnet.deployment.get_chain(ELSEWHERE).configuration.url
    _, encoded = Reader(connect(url)).get_finalised_header()
    assert client.refused("update", encoded) == "NotOfThisChain"


def test_header_is_refused_when_a_byte_of_it_differs(client: Client) -> None:
    _, encoded = client.sender.reader.get_finalised_header()
    state_root_at = 3 + 3 * 33
    forged = bytearray(encoded)
    forged[state_root_at + 1] ^= 1
    assert client.refused("update", bytes(forged)) == "NotOfThisChain"


def test_header_is_refused_when_the_machine_has_forgotten_its_hash(
    client: Client, devnet: Devnet
) -> None:
    header, encoded = client.sender.reader.get_finalised_header()
    devnet.mine(HERE, 260)
    assert client.refused("update", encoded) == "NotOfThisChain"
    with pytest.raises(ChainFault) as raised:
        client.sender.send(client.address, client.artifact.encode_call("headerAt", header.height))
    assert raised.value.attributes["error"] == "UnknownHeader"


def test_nothing_freezes_it_when_evidence_is_brought(client: Client) -> None:
    assert client.refused("freeze", b"") == "NothingToFreeze"
