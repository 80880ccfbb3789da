"""Attesters sign a block that is not on their rollup: found, frozen and slashed by no human hand.

The auditors are those of a running clearinghouse, in their thread; the test only lies and waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import rlp

from adapters.base import ClientStatus
from adapters.committee.attester import sign_attestation
from adapters.committee.client import build_update
from adapters.evm.adapter import EvmChainAdapter
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from adapters.nitro.audit import OutboxRoots
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ChainFault
from clearinghouse.proofs.committee import Committee
from clearinghouse.proofs.header import decode_header
from clearinghouse.proofs.rollups.nitro import NitroOutbox
from clearinghouse.settlement.keep_alive import update_client
from clearinghouse.settlement.rollup_audit import RollupAudits
from devnets.auditors import auditors_of
from devnets.configuration import HETEROGENEOUS, DevnetConfiguration, load_configuration
from devnets.families import BOND_UNITS, CHALLENGER_BASIS_POINTS
from devnets.harness import Devnet
from tests.e2e.conftest import FreshDevnet
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("rollup audit")]

COMMITTEE, L1, OPSTACK, NITRO = (ChainId(31_200 + number) for number in range(1, 5))
QUORUM = 3
STATE_ROOT_FIELD = 3


class Rollup:
    """A rollup of a devnet, its attesters' keys, and the client of it on home."""

    def __init__(self, devnet: Devnet, chain_id: ChainId) -> None:
        deployment = devnet.deployment
        self.chain_id, self.home = chain_id, deployment.home
        self._chain = deployment.get_chain(chain_id)
        self._keystores = deployment.keystores
        self.adapters: Mapping[ChainId, EvmChainAdapter] = devnet.adapters(
            deployment.open_relayer()
        )
        self._client = deployment.get_chain(self.home).configuration.client_of[chain_id]
        self.reader = Reader(connect(self._chain.configuration.url))
        assert isinstance(self._chain.trust, Committee)
        self.committee = self._chain.trust
        self.audits = RollupAudits(auditors_of(deployment, self.adapters), look_seconds=0.2)

    @contextmanager
    def audited(self) -> Iterator[None]:
        """Audit as a running clearinghouse does."""
        self.audits.start()
        try:
            yield
        finally:
            self.audits.close()

    def tell_lie(self, height: int) -> list[Address]:
        """Have a quorum sign a block with another state and bring it; return who signed."""
        _, encoded = self.reader.get_header_at(height)
        fields = rlp.decode(encoded)
        fields[STATE_ROOT_FIELD] = keccak256(b"a state in which the attesters own everything")
        forged = rlp.encode(fields)
        names = [f"attester-{self._chain.name}-{number + 1}" for number in range(QUORUM)]
        keys = [self._keystores.open(name) for name in names]
        lie = sign_attestation(self.committee, keys, height, decode_header(forged).block_hash)
        self.home_adapter.submit_client_update(self.chain_id, build_update(forged, lie))
        state = self.home_adapter.hint_client(self.chain_id)
        assert (state.status, state.height) == (ClientStatus.ACTIVE, height)
        return [key.address for key in keys]

    @property
    def home_adapter(self) -> EvmChainAdapter:
        return self.adapters[self.home]

    @property
    def is_frozen(self) -> bool:
        return self.home_adapter.hint_client(self.chain_id).status is ClientStatus.FROZEN

    def check_convicted(self, signers: list[Address]) -> None:
        """Require the signers' bonds to be gone, nobody else's, and the client to be over."""
        for member in self.committee.members:
            ((units, _),) = self._view("bondOf", member)
            assert units == (0 if member in signers else BOND_UNITS)
        (reward,) = self._view("owed", self.home_adapter.sender.address)
        assert reward == QUORUM * BOND_UNITS * CHALLENGER_BASIS_POINTS // 10_000
        with pytest.raises(ChainFault) as stopped:
            update_client(self.adapters, self.home, self.chain_id)
        assert stopped.value.attributes["error"] == "AlreadyFrozen"

    def _view(self, function: str, *arguments: object) -> Any:
        artifact = load_artifact("AttestedRollupClient")
        return self.reader_of_home.call(artifact, self._client, function, *arguments)

    @property
    def reader_of_home(self) -> Reader:
        return self.home_adapter.sender.reader


def configured(home: str, *names: str) -> DevnetConfiguration:
    """Return the heterogeneous devnet with some of its chains."""
    whole = load_configuration(HETEROGENEOUS)
    chains = tuple(chain for chain in whole.chains if chain.name in names)
    return msgspec.structs.replace(whole, home=home, chains=chains)


def test_opstack_attesters_are_convicted_when_they_sign_a_block_that_is_not_on_the_chain(
    fresh_devnet: FreshDevnet,
) -> None:
    """Home is the L1. The block lies between two posted ones: history contracts lead to it."""
    rollup = Rollup(fresh_devnet(configured("lantern", "lantern", "outpost")), OPSTACK)
    update_client(rollup.adapters, rollup.home, OPSTACK)
    held = rollup.home_adapter.hint_client_height(OPSTACK)
    until("there is a newer block", lambda: rollup.reader.height() > held)
    with rollup.audited():
        signers = rollup.tell_lie(rollup.reader.height())
        until("the client is frozen", lambda: rollup.is_frozen)
        until("the audit is over", lambda: rollup.audits.standings[0].false == 1)
        (standing,) = rollup.audits.standings
    assert standing.rollup == OPSTACK
    assert standing.true > 0, "what was true before the lie"
    rollup.check_convicted(signers)


def test_nitro_attesters_are_convicted_when_l1_is_known_by_its_sync_committees(
    fresh_devnet: FreshDevnet,
) -> None:
    """Home is the committee's chain; a client of the L1 beside the audited one is the judge."""
    devnet = fresh_devnet(configured("harbor", "harbor", "lantern", "meridian"))
    rollup = Rollup(devnet, NITRO)
    roots = devnet.deployment.get_chain(NITRO).roots
    assert roots is not None
    assert isinstance(roots.contract, NitroOutbox)
    l1_reader = Reader(connect(devnet.deployment.get_chain(L1).configuration.url))
    posted = OutboxRoots(roots.contract, l1_reader, rollup.reader)
    confirmed = list[int]()

    def is_confirmed() -> bool:
        l1 = rollup.adapters[L1].find_finalised_header()
        found = None if l1 is None else posted.find_posted(l1, 1)
        confirmed.extend([] if found is None else [found.header.height])
        return bool(confirmed)

    until("the L1 confirmed a block", is_confirmed)
    held = rollup.home_adapter.hint_client_height(L1)
    with rollup.audited():
        signers = rollup.tell_lie(confirmed[0])
        until("the client is frozen", lambda: rollup.is_frozen)
    assert rollup.home_adapter.hint_client_height(L1) > held, "the auditor brought the evidence"
    rollup.check_convicted(signers)
