"""A devnet's network reads back from the document that it is known by."""

from __future__ import annotations

import json

from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.ethereum.network_json import decode_network
from devnets.beacon.network import network_document
from tests.unit.devnets.beacon.execution import build_test_network


def test_decode_network_returns_the_network_when_given_its_document() -> None:
    network = build_test_network()
    assert decode_network(json.loads(json.dumps(network_document(network)))) == network


def test_rules_are_those_of_the_last_fork_when_all_begin_at_genesis() -> None:
    assert build_test_network().activation_at(0).fork is Fork.FULU
