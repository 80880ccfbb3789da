"""Updates that no client may take, each with the error of Python and of the contract.

All are brought to a client that took ``TAKEN``, and ``NEXT`` passes after every one of them. The
tests' clocks stand at slot ``NOW_SLOT`` or later, and never as late as ``FUTURE_SLOT``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from clearinghouse.book.identifiers import ZERO_HASH, ChainId
from clearinghouse.proofs.ethereum.bls import signature_coordinates
from clearinghouse.proofs.ethereum.containers import (
    ExecutionPayloadHeader,
    LightClientHeader,
    LightClientUpdate,
)
from clearinghouse.proofs.ethereum.forks import Fork, Network
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    LARGE_NETWORK,
    NETWORK,
    PERIOD,
    Tree,
    filler,
    header_at,
    payload_at,
    resigned,
    sign_header,
    signers_of,
    state_at,
    update_at,
)

SLOT = 345
"""Attested by ``TAKEN``: in period 5, in Electra."""

LATER = SLOT + 4
NOW_SLOT = 1_000
FUTURE_SLOT = 100_000

TAKEN = update_at(SLOT)
NEXT = update_at(LATER + 1, with_committee=False)

FIELD_ORDER = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    16,
)

OUTSIDE_SUBGROUP = tuple(
    int(coordinate, 16)
    for coordinate in (
        "197bfd0342bbc8bee2beced2f173e1a87be576379b343e93232d6cef98d84b1d"
        "696e5612ff283ce2cfdccb2cfb65fa0c",
        "184e811f55e6f9d84d77d2f79102fd7ea7422f4759df5bf7f6331d550245e3f1"
        "bcf6a30e3b29110d85e0ca16f9f6ae7a",
        "0f10e1eb3c1e53d2ad9cf2d398b2dc22c5842fab0a74b174f691a7e914975da3"
        "564d835cd7d2982815b8ac57f507348f",
        "0767d1c453890f1b9110fda82f5815c27281aba3f026ee868e4176a0654feea4"
        "1a96575e0c4d58a14dbfbcc05b5010b1",
    )
)
"""x.c0, x.c1, y.c0, y.c1 of a point on G2's curve and not in its subgroup: EIP-2537,
``fail-pairing_check_bls.json``."""

Coordinates = tuple[int, int, int, int]


@dataclass(frozen=True)
class BadUpdate:
    """One update and how it is refused."""

    update: Callable[[], LightClientUpdate]
    reason: str
    """Python's."""
    error: str
    """The contract's."""
    arguments: tuple[object, ...] | None = None
    """Of the contract's error, where they are the point."""
    network: Network = NETWORK


@dataclass(frozen=True)
class BadSignature:
    """What a true update's signature is replaced by, as coordinates, and how that is refused."""

    change: Callable[[Coordinates], Coordinates]
    reason: str
    error: str


def _finalising(slot: int, finalized: LightClientHeader) -> LightClientUpdate:
    """Return a true update that makes a header final."""
    state = state_at(slot, finalized)
    attested = header_at(slot, state)
    update = update_at(slot, with_committee=False)
    branch = state.branch(NETWORK.rules_at(slot).finalized_root)
    changed = replace(
        update, attested_header=attested, finalized_header=finalized, finality_branch=branch
    )
    return resigned(changed)


def _another_of_the_newest_slot() -> LightClientUpdate:
    """Two thirds signed both: that is for ``freeze``, not for whoever comes last."""
    slot = SLOT - 16
    payload = replace(payload_at(slot, has_blob_fields=True), block_hash=filler("another block"))
    body = Tree({25: payload.root(has_blob_fields=True)}, "body")
    beacon = replace(header_at(slot).beacon, body_root=body.root)
    return _finalising(SLOT + 1, LightClientHeader(beacon, payload, body.branch(25)))


def _forged_payload() -> LightClientUpdate:
    update = update_at(LATER)
    header = update.finalized_header
    assert header is not None
    assert isinstance(header.execution, ExecutionPayloadHeader)
    forged = replace(header.execution, state_root=filler("a state in which we own everything"))
    return replace(update, finalized_header=replace(header, execution=forged))


def _padded_execution_branch() -> LightClientUpdate:
    update = update_at(LATER)
    header = update.finalized_header
    assert header is not None
    padded = replace(header, execution_branch=(filler("padding"), *header.execution_branch))
    return replace(update, finalized_header=padded)


def _by_indices_before_electra() -> LightClientUpdate:
    activations = tuple(
        replace(entry, epoch=1_000) if entry.fork and entry.fork >= Fork.ELECTRA else entry
        for entry in NETWORK.activations
    )
    late = replace(NETWORK, activations=activations)
    return resigned(update_at(LATER, network=late, with_committee=False))


def _in_the_domain_of_its_own_slot() -> LightClientUpdate:
    """Signed in the first slot of Fulu, so under Electra; here under Fulu."""
    first = FIRST_SLOT[Fork.FULU]
    update = update_at(first - 1, with_committee=False)
    wrong = sign_header(NETWORK, update.attested_header.beacon, first + 1)
    return replace(update, sync_aggregate=wrong)


def _nobody_signed() -> LightClientUpdate:
    update = update_at(LATER, with_committee=False)
    return replace(
        update, sync_aggregate=replace(update.sync_aggregate, participation=(False,) * 32)
    )


def _with_finality_branch(change: Callable[[LightClientUpdate], tuple]) -> LightClientUpdate:
    update = update_at(LATER, with_committee=False)
    return replace(update, finality_branch=change(update))


LAST_SLOT = 6 * PERIOD - 1
OTHER_COMMITTEE = signers_of(9).committee

BAD_UPDATES = {
    "341 of 512": BadUpdate(
        lambda: update_at(LATER, network=LARGE_NETWORK, places=range(341), with_committee=False),
        "participation_below_two_thirds",
        "ParticipationTooLow",
        (341, 512),
        LARGE_NETWORK,
    ),
    "21 of 32": BadUpdate(
        lambda: update_at(LATER, places=range(21), with_committee=False),
        "participation_below_two_thirds",
        "ParticipationTooLow",
        (21, 32),
    ),
    "nobody signed": BadUpdate(_nobody_signed, "participants_none", "ParticipationTooLow", (0, 32)),
    "signed by the old committee beyond the period's end": BadUpdate(
        lambda: update_at(
            LAST_SLOT, signature_slot=LAST_SLOT + 1, signers=signers_of(5), with_committee=False
        ),
        "bls_signature_wrong",
        "SignatureInvalid",
    ),
    "signed by the next committee before the period's end": BadUpdate(
        lambda: update_at(LAST_SLOT - 1, signers=signers_of(6), with_committee=False),
        "bls_signature_wrong",
        "SignatureInvalid",
    ),
    "a period is skipped": BadUpdate(
        lambda: update_at(7 * PERIOD + 20, finalized_slot=400, with_committee=False),
        "committee_unknown",
        "UnknownCommittee",
        (7,),
    ),
    "signed under the fork that begins with its slot": BadUpdate(
        _in_the_domain_of_its_own_slot, "bls_signature_wrong", "SignatureInvalid"
    ),
    "signed in the future": BadUpdate(
        lambda: update_at(LATER, signature_slot=FUTURE_SLOT, with_committee=False),
        "signature_slot_in_future",
        "SlotInFuture",
        (FUTURE_SLOT,),
    ),
    "signed in the attested slot": BadUpdate(
        lambda: update_at(LATER, signature_slot=LATER, with_committee=False),
        "signature_slot_not_after_attested",
        "SlotsNotOrdered",
        (LATER, LATER, LATER - 16),
    ),
    "final before it was attested": BadUpdate(
        lambda: update_at(LATER, finalized_slot=LATER + 1, with_committee=False),
        "finalized_after_attested",
        "SlotsNotOrdered",
        (LATER + 1, LATER, LATER + 1),
    ),
    "proven by the index of an earlier fork": BadUpdate(
        _by_indices_before_electra, "branch_length_wrong", "BranchNotNormalised", (169, 6)
    ),
    "proven by the index of an earlier fork, filled up": BadUpdate(
        lambda: replace(
            _by_indices_before_electra(),
            finality_branch=(ZERO_HASH, *_by_indices_before_electra().finality_branch),
        ),
        "finality_branch_invalid",
        "BranchInvalid",
        (169,),
    ),
    "padded with other than zero": BadUpdate(
        lambda: _with_finality_branch(lambda update: (filler("x"), *update.finality_branch)),
        "branch_padding_not_zero",
        "BranchNotNormalised",
        (169, 8),
    ),
    "execution padded with other than zero": BadUpdate(
        _padded_execution_branch, "branch_padding_not_zero", "BranchNotNormalised", (50, 6)
    ),
    "an execution block that is not in the beacon block": BadUpdate(
        _forged_payload, "execution_branch_invalid", "BranchInvalid", (50,)
    ),
    "of another network": BadUpdate(
        lambda: update_at(
            LATER,
            network=replace(NETWORK, genesis_validators_root=filler("other"), chain_id=ChainId(7)),
            with_committee=False,
        ),
        "bls_signature_wrong",
        "SignatureInvalid",
    ),
    "signed by another committee": BadUpdate(
        lambda: update_at(LATER, signers=signers_of(9), with_committee=False),
        "bls_signature_wrong",
        "SignatureInvalid",
    ),
    "an older header after a newer one": BadUpdate(
        lambda: update_at(SLOT - 1, with_committee=False),
        "update_not_final",
        "SlotNotIncreasing",
        (SLOT - 17, SLOT - 16),
    ),
    "attested before what is final": BadUpdate(
        lambda: update_at(SLOT - 17, with_committee=False),
        "update_not_relevant",
        "SlotNotIncreasing",
        (SLOT - 33, SLOT - 16),
    ),
    "another header of the newest slot": BadUpdate(
        _another_of_the_newest_slot,
        "update_not_final",
        "SlotNotIncreasing",
        (SLOT - 16, SLOT - 16),
    ),
    "another next committee": BadUpdate(
        lambda: update_at(LATER, following=OTHER_COMMITTEE),
        "next_sync_committee_conflict",
        "CommitteeConflict",
        (6, signers_of(6).committee.root(), OTHER_COMMITTEE.root()),
    ),
}

BAD_SIGNATURES = {
    "outside the subgroup": BadSignature(
        lambda _: OUTSIDE_SUBGROUP,  # type: ignore[return-value]
        "bls_signature_malformed",
        "PrecompileRefused",
    ),
    "c0 and c1 swapped": BadSignature(
        lambda at: (at[1], at[0], at[3], at[2]), "bls_signature_malformed", "PrecompileRefused"
    ),
    "infinity": BadSignature(lambda _: (0, 0, 0, 0), "bls_signature_malformed", "InfinityPoint"),
    "mirrored": BadSignature(
        lambda at: (at[0], at[1], FIELD_ORDER - at[2], FIELD_ORDER - at[3]),
        "bls_signature_wrong",
        "SignatureInvalid",
    ),
    "not below the field's order": BadSignature(
        lambda at: (at[0] + FIELD_ORDER, *at[1:]), "bls_signature_malformed", "PrecompileRefused"
    ),
}


def coordinates_of(signature: bytes) -> Coordinates:
    """Return x.c0, x.c1, y.c0, y.c1 of a compressed signature."""
    raw = signature_coordinates(signature)
    c0, c1, d0, d1 = (int.from_bytes(raw[at : at + 48]) for at in range(0, 192, 48))
    return c0, c1, d0, d1


def compress(point: Coordinates) -> bytes:
    """Return the compressed form: x.c1, x.c0, and whether y is the larger of the two."""
    c0, c1, d0, d1 = point
    if not any(point):
        return b"\xc0" + bytes(95)
    half = FIELD_ORDER // 2
    flags = 0x80 | (0x20 if d1 > half or (d1 == 0 and d0 > half) else 0)
    raw = bytearray(c1.to_bytes(48) + c0.to_bytes(48))
    raw[0] |= flags
    return bytes(raw)
