"""How the attesters of one epoch make way for the next, and which heights are whose.

A quorum of the epoch that ends signs (chain, epoch, last height, next threshold, next members) as
EIP-712 typed data in the clearinghouse's domain. The next epoch has the next number and begins one
above the last height, so every height is one epoch's to attest and nothing can be taken over twice.
An honest attester signs one handover per epoch, and no height above its last.

Reasons raised: ``handover_epoch_mismatch``, ``handover_foreign``, ``last_height_out_of_range``,
``epoch_unknown``, ``height_outside_epoch``, ``not_equivocation``, and those of ``quorum`` and
``bls_quorum``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearinghouse.book.identifiers import Hash32
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.typed_data import typed_digest, word
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.committee import Committee

HANDOVER_TYPE = (
    b"CommitteeHandover(uint256 chainId,uint64 epoch,uint64 lastHeight,uint32 threshold,"
    b"bytes members)"
)

_HANDOVER_TYPE_HASH = keccak256(HANDOVER_TYPE)


@dataclass(frozen=True, slots=True)
class Handover:
    """An epoch's last word; worth nothing until ``verify_handover`` has passed it."""

    last_height: int
    """The greatest height that the epoch before ``successor`` attests."""
    successor: Committee
    """The committee of the next epoch."""
    signatures: tuple[bytes, ...]
    """Of a quorum of the epoch that ends, as its scheme says."""

    @property
    def epoch(self) -> int:
        """The epoch that ends."""
        return self.successor.epoch - 1

    @property
    def digest(self) -> Hash32:
        """What the members of the epoch that ends sign."""
        return handover_digest(self.last_height, self.successor)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A committee and the heights that are its to attest."""

    committee: Committee
    first_height: int
    last_height: int | None = None
    """``None`` while the epoch has not ended."""
    handover: Handover | None = None
    """By which it ended."""


def handover_digest(last_height: int, successor: Committee) -> Hash32:
    """Return the EIP-712 digest by which the epoch before ``successor``'s hands over to it."""
    struct_hash = keccak256(
        _HANDOVER_TYPE_HASH
        + word(successor.chain_id)
        + word(successor.epoch - 1)
        + word(last_height)
        + word(successor.threshold)
        + keccak256(successor.packed_members)
    )
    return typed_digest(successor.clearinghouse_id, struct_hash)


def verify_handover(epoch: Epoch, handover: Handover, held_height: int = 0) -> Epoch:
    """Return the epoch that follows ``epoch``.

    ``held_height`` is the greatest height known to be attested: an epoch cannot end below it.

    Raises
    ------
    ProofInvalid
        When the successor is not of the next epoch, is another chain's or scheme's, the last height
        is out of range, or a quorum of ``epoch`` did not sign.
    """
    ending, successor = epoch.committee, handover.successor
    if handover.epoch != ending.epoch:
        raise ProofInvalid(
            "handover_epoch_mismatch",
            f"epoch {ending.epoch} is handed over, this is the handover of {handover.epoch}; take "
            "them in their order, each once",
            expected=ending.epoch,
            epoch=handover.epoch,
        )
    of_ending = (ending.clearinghouse_id, ending.chain_id, ending.scheme)
    if of_ending != (successor.clearinghouse_id, successor.chain_id, successor.scheme):
        raise ProofInvalid(
            "handover_foreign", "the next committee is of another clearinghouse, chain or scheme"
        )
    least = max(held_height, epoch.first_height - 1)
    if not least <= handover.last_height < UINT64_MAX:
        raise ProofInvalid(
            "last_height_out_of_range",
            f"epoch {ending.epoch} cannot end at height {handover.last_height}: it is at least "
            f"{least}",
            last_height=handover.last_height,
            least=least,
        )
    ending.verify_signed(handover.digest, handover.signatures)
    return Epoch(successor, handover.last_height + 1)


def extend_epochs(
    epochs: Sequence[Epoch], handover: Handover, held_height: int = 0
) -> tuple[Epoch, ...]:
    """Return the epochs with the last one ended by ``handover`` and the next one begun.

    Raises
    ------
    ProofInvalid
        As ``verify_handover``.
    """
    begun = verify_handover(epochs[-1], handover, held_height)
    ended = replace(epochs[-1], last_height=handover.last_height, handover=handover)
    return (*epochs[:-1], ended, begun)


def get_epoch(epochs: Sequence[Epoch], number: int) -> Epoch:
    """Return the epoch of a number.

    Raises
    ------
    ProofInvalid
        ``epoch_unknown``.
    """
    for epoch in epochs:
        if epoch.committee.epoch == number:
            return epoch
    raise ProofInvalid(
        "epoch_unknown",
        f"epoch {number} is not known: known are {epochs[0].committee.epoch} to "
        f"{epochs[-1].committee.epoch}; fetch the handovers between",
        epoch=number,
    )


def verify_height(epoch: Epoch, height: int) -> None:
    """Require that a height is the epoch's to attest.

    Raises
    ------
    ProofInvalid
        ``height_outside_epoch``.
    """
    last = UINT64_MAX if epoch.last_height is None else epoch.last_height
    if not epoch.first_height <= height <= last:
        raise ProofInvalid(
            "height_outside_epoch",
            f"height {height} is not epoch {epoch.committee.epoch}'s, which attests "
            f"{epoch.first_height} to {last}",
            height=height,
            epoch=epoch.committee.epoch,
        )


def verify_handover_conflict(committee: Committee, first: Handover, second: Handover) -> None:
    """Require that ``committee`` signed two handovers of its epoch: grounds to freeze.

    Raises
    ------
    ProofInvalid
        ``not_equivocation`` when they say the same or are of other epochs, or when either side
        lacks its quorum.
    """
    epochs = {first.epoch, second.epoch}
    if epochs != {committee.epoch} or first.digest == second.digest:
        raise ProofInvalid(
            "not_equivocation", "a conflict is two different handovers of one epoch", epochs=epochs
        )
    committee.verify_signed(first.digest, first.signatures)
    committee.verify_signed(second.digest, second.signatures)
