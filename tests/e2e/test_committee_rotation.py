"""Attesters of a running devnet hand over, and clients follow the next ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.committee.contract import CommitteeClientContract
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import Conflict
from clearinghouse.proofs.committee import Committee
from clearinghouse.settlement.keep_alive import update_client
from devnets.attesters import CommitteeAttesters
from tests.e2e.conftest import FreshDevnet

pytestmark = pytest.mark.e2e

HOME, SPOKE = ChainId(31_101), ChainId(31_102)


def test_clients_follow_the_next_attesters_when_the_old_ones_hand_over(
    fresh_devnet: FreshDevnet,
) -> None:
    devnet = fresh_devnet()
    deployed = devnet.deployment
    relayed = devnet.adapters(deployed.open_relayer())
    devnet.wait_for_attestation(SPOKE, 1)
    update_client(relayed, HOME, SPOKE)

    committee, attesters = deployed.get_chain(SPOKE).trust, devnet._chains[SPOKE].finality
    assert isinstance(committee, Committee)
    assert isinstance(attesters, CommitteeAttesters)
    signers = sorted(
        (deployed.keystores.create(f"next-attester-{number}") for number in range(4)),
        key=lambda signer: signer.address,
    )
    members = tuple(signer.address for signer in signers)
    successor = replace(committee, epoch=committee.epoch + 1, members=members)
    with pytest.raises(Conflict):
        attesters.hand_over(replace(successor, epoch=committee.epoch + 2), signers)
    handover = attesters.hand_over(successor, signers)

    devnet.wait_for_attestation(SPOKE, handover.last_height + 1)
    update_client(relayed, HOME, SPOKE)
    assert relayed[HOME].hint_client_height(SPOKE) > handover.last_height
    address = deployed.get_chain(HOME).configuration.client_of[SPOKE]
    client = CommitteeClientContract(relayed[HOME].sender, address, committee)
    assert client.hint_epoch() == successor.epoch
    client.submit_handovers([handover])
    assert client.hint_epoch() == successor.epoch
