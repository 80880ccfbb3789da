"""The standing audit over clients and an L1 that a test makes up; the real ones: tests/e2e."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.evm import rollup_auditor
from adapters.evm.reader import UnverifiedStateProof
from adapters.evm.rollup_auditor import EvmRollupAuditor, L1View
from adapters.evm.rollup_evidence import PostedHeader
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.signatures import sign_digest, signer_address
from clearinghouse.errors import ChainFault, Unavailable
from clearinghouse.proofs.committee import Attestation, Committee, committee_digest
from clearinghouse.proofs.header import VerifiedHeader

ROLLUP, L1, HOME = ChainId(902), ChainId(1), ChainId(31_201)
KEYS = tuple(sorted((keccak256(b"key %d" % n) for n in range(4)), key=signer_address))
MEMBERS = tuple(map(signer_address, KEYS))
COMMITTEE = Committee(keccak256(b"a clearinghouse"), ROLLUP, 1, 3, MEMBERS)
L1_HEADER = VerifiedHeader(L1, 70, keccak256(b"l1"), keccak256(b"l1 state"), 1_000)
LIE = keccak256(b"a lie")


def truth(height: int) -> Hash32:
    return keccak256(b"block %d" % height)


def attest(height: int, block_hash: Hash32, signers: int = 3) -> Attestation:
    digest = committee_digest(COMMITTEE.clearinghouse_id, ROLLUP, 1, height, block_hash)
    return Attestation(
        1, height, block_hash, tuple(sign_digest(key, digest) for key in KEYS[:signers])
    )


class Client:
    """A client contract with bonds, on a chain that can be silent."""

    def __init__(self, chain_id: ChainId, history_window: int = 0) -> None:
        self.chain_id = chain_id
        self.history_window = history_window
        self.taken: list[Attestation] = []
        self.taken_time = 900
        self.bonded = set(MEMBERS)
        self.frozen = False
        self.held_l1_height = 0
        self.updates: list[bytes] = []
        self.audits: list[Attestation] = []
        self.failure: Exception | None = None

    def read_attested(self) -> list[tuple[Attestation, int]]:
        self._answer()
        new, self.taken = self.taken, []
        return [(attestation, self.taken_time) for attestation in new]

    def l1_height(self) -> int:
        return self.held_l1_height

    def submit_l1_updates(self, updates: list[bytes]) -> None:
        self.updates += updates
        self.held_l1_height = L1_HEADER.height

    def find_liable(self, signers: tuple[Address, ...]) -> tuple[Address, ...]:
        self._answer()
        freezes = len(signers) >= COMMITTEE.threshold and not self.frozen
        return signers if freezes or self.bonded & set(signers) else ()

    def submit_audit(self, attestation: Attestation, evidence: tuple[Any, ...]) -> None:
        assert self.held_l1_height >= evidence[0] == L1_HEADER.height
        self.audits.append(attestation)
        self.bonded -= set(MEMBERS[: len(attestation.signatures)])
        self.frozen = self.frozen or len(attestation.signatures) >= COMMITTEE.threshold

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure


class World:
    """An L1 that proves the rollup's blocks up to a height, and everybody who asks it."""

    def __init__(self) -> None:
        self.posted_height = 0
        self.newest: Attestation | None = None
        self.clients = (Client(HOME), Client(L1))
        self.auditor = EvmRollupAuditor(
            COMMITTEE,
            L1View(self, self),  # type: ignore[arg-type]
            self,
            self,  # type: ignore[arg-type]
            self.clients,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
        )

    chain_id = ROLLUP
    every = 1
    """Blocks between two that L1 has roots of."""

    def find_posted(self, l1: VerifiedHeader, height: int) -> PostedHeader | None:
        assert l1 == L1_HEADER
        proven = -(-height // self.every) * self.every
        if proven > self.posted_height:
            return None
        header = VerifiedHeader(ROLLUP, proven, truth(proven), keccak256(b"state"), 900)
        return PostedHeader(header, b"proof of %d" % proven)

    def find_newest(self, asked: ChainId | VerifiedHeader) -> Any:
        """Stand for two: where attestations are published, and the roots on L1."""
        if asked == L1_HEADER:
            return self.find_posted(L1_HEADER, self.posted_height) if self.posted_height else None
        assert asked == ROLLUP
        return self.newest

    def find_at(self, chain_id: ChainId, height: int) -> Attestation | None:
        raise AssertionError("only the newest is asked for")

    def find_finalised_header(self) -> VerifiedHeader:
        return L1_HEADER

    def build_client_updates(self, header: VerifiedHeader, held_height: int) -> list[bytes]:
        return [b"update from %d" % held_height]

    def get_header_by_hash(self, block_hash: Hash32) -> tuple[None, bytes]:
        assert block_hash == L1_HEADER.block_hash
        return None, b"the L1's own header"

    def get_proof(self, account: Address, slots: Any, height: int) -> UnverifiedStateProof:
        return UnverifiedStateProof((), ((),))

    def counted(self) -> tuple[int, int, int, int]:
        standing = self.auditor.standing
        return standing.pending, standing.true, standing.false, standing.unprovable


@pytest.fixture
def world() -> World:
    return World()


def test_true_attestations_wait_for_l1_and_then_pass(world: World) -> None:
    world.clients[0].taken = [attest(height, truth(height)) for height in (5, 9)]
    world.auditor.step()
    assert world.counted() == (2, 0, 0, 0)
    world.posted_height = 5
    world.auditor.step()
    assert world.counted() == (1, 1, 0, 0)
    world.posted_height = 20
    world.auditor.step()
    world.auditor.step()
    assert world.counted() == (0, 2, 0, 0)
    assert not any(client.audits or client.updates for client in world.clients)


def test_false_quorum_is_convicted_on_every_chain_when_one_client_took_it(world: World) -> None:
    lie = attest(5, LIE)
    world.clients[0].taken = [lie, attest(6, truth(6))]
    world.posted_height = 6
    world.auditor.step()
    assert world.counted() == (0, 1, 1, 0)
    assert [client.audits for client in world.clients] == [[lie], [lie]]
    assert [client.updates for client in world.clients] == [
        [b"update from 0"],
        [b"the L1's own header"],
    ]
    assert all(client.frozen and client.bonded == {MEMBERS[3]} for client in world.clients)


def test_single_liar_is_convicted_when_its_attestation_is_only_published(world: World) -> None:
    world.newest = attest(5, LIE, signers=1)
    world.posted_height = 9
    world.auditor.step()
    assert world.counted() == (0, 0, 1, 0)
    assert not any(client.frozen for client in world.clients)
    assert all(MEMBERS[0] not in client.bonded for client in world.clients)
    world.auditor.step()
    assert world.counted() == (0, 0, 1, 0), "the newest is still the same"


def test_nothing_is_sent_when_a_client_is_done_with_the_liars(world: World) -> None:
    done = world.clients[0]
    done.frozen, done.bonded = True, {MEMBERS[3]}
    world.newest, world.posted_height = attest(5, LIE), 9
    world.auditor.step()
    assert (done.audits, done.updates) == ([], [])
    assert world.clients[1].frozen


def test_conviction_goes_on_elsewhere_and_comes_again_when_a_chain_is_silent(world: World) -> None:
    world.newest, world.posted_height = attest(5, LIE), 9
    world.clients[0].failure = Unavailable("chain_unreachable", "its node is away")
    with pytest.raises(Unavailable):
        world.auditor.step()
    assert world.clients[1].frozen
    assert world.counted() == (1, 0, 0, 0)
    world.clients[0].failure = None
    world.auditor.step()
    assert world.clients[0].frozen
    assert world.counted() == (0, 0, 1, 0)
    assert [len(client.audits) for client in world.clients] == [1, 1]


def test_other_attestations_are_judged_when_a_client_refuses(world: World) -> None:
    world.clients[0].taken = [attest(5, LIE), attest(6, truth(6))]
    world.posted_height = 9
    world.auditor.step()
    world.clients[1].taken = [attest(7, LIE), attest(8, truth(8))]
    for client in world.clients:
        client.bonded, client.frozen = set(MEMBERS), False
    refusal = ChainFault("transaction_reverted", "L1ClientFrozen()")

    def refuse(attestation: Attestation, evidence: tuple[Any, ...]) -> None:
        raise refusal

    world.clients[0].submit_audit = refuse  # type: ignore[method-assign]
    with pytest.raises(ChainFault):
        world.auditor.step()
    assert world.counted() == (1, 2, 1, 0)


def test_attestation_is_forgotten_when_nobody_of_the_committee_signed_it(world: World) -> None:
    digest = committee_digest(COMMITTEE.clearinghouse_id, ROLLUP, 1, 5, LIE)
    foreign = replace(attest(5, LIE), signatures=(sign_digest(keccak256(b"a stranger"), digest),))
    for forged in (foreign, replace(attest(5, LIE), height=4), replace(foreign, signatures=())):
        world.newest = forged
        world.auditor.step()
    assert world.counted() == (0, 0, 0, 0)


def test_attestation_is_unprovable_when_no_history_reaches_its_height(world: World) -> None:
    """As on a chain that keeps no hashes of its own: what L1 has no root of is never proven."""
    world.every, world.posted_height = 4, 8
    world.newest = attest(6, LIE)
    world.auditor.step()
    assert world.counted() == (0, 0, 0, 1)
    assert not any(client.audits for client in world.clients)


@pytest.mark.parametrize("taken_time", [899, 900])
def test_header_beyond_the_rollup_is_false_when_l1_has_a_lower_and_younger_one(
    world: World, taken_time: int
) -> None:
    """Only clients that hold it know its time, so only they are asked to judge."""
    holder, other = world.clients
    holder.taken, holder.taken_time = [attest(10**9, LIE)], taken_time
    world.auditor.step()
    assert world.counted() == (1, 0, 0, 0)
    world.posted_height = 20
    world.auditor.step()
    convicted = taken_time < 900
    assert world.counted() == ((0, 0, 1, 0) if convicted else (1, 0, 0, 0))
    assert (holder.frozen, other.frozen) == (convicted, False)


def test_header_beyond_the_rollup_waits_when_no_client_took_it(world: World) -> None:
    world.newest, world.posted_height = attest(10**9, LIE), 20
    world.auditor.step()
    assert world.counted() == (1, 0, 0, 0)


def test_step_ends_when_there_is_more_than_one_steps_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup_auditor, "JUDGED_PER_STEP_MAX", 2)
    world.clients[0].taken = [attest(height, truth(height)) for height in range(1, 6)]
    world.posted_height = 9
    pending = []
    for _ in range(3):
        world.auditor.step()
        pending.append(world.auditor.standing.pending)
    assert pending == [3, 1, 0]


def test_auditor_is_refused_when_there_is_no_client_to_hold_attesters_to(world: World) -> None:
    with pytest.raises(ValueError, match="client"):
        EvmRollupAuditor(
            COMMITTEE,
            L1View(world, world),  # type: ignore[arg-type]
            world,
            world,  # type: ignore[arg-type]
            (),
            world,  # type: ignore[arg-type]
        )
