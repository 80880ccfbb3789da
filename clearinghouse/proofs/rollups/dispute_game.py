"""OP Stack with fault proofs: the root claim of a dispute game that its defender won.

What ``AnchorStateRegistry.isGameClaimValid`` asks is asked here of proven storage: the factory made
the game, its type was respected when it was created, the guardian has neither blacklisted nor
retired it, it was resolved for the defender, and that longer ago than the delay (airgap) in which
the guardian may act. A pause is not asked for: it holds withdrawals back without judging games.

A root claim is in no storage. A game is a clone with immutable arguments, and the claim is one of
them, so it is read from the game's code, whose hash its account proves.

Sources: ethereum-optimism/specs, ``fault-proof/stage-one/anchor-state-registry.md``; storage layout
snapshots of ethereum-optimism/optimism; Vectorized/solady, ``LibClone.sol``.

Reasons raised: ``clone_malformed``, ``game_implementation_mismatch``, ``game_not_registered``,
``game_not_defended``, ``airgap_not_over``, ``game_not_respected``, ``registry_of_another_factory``,
``game_blacklisted``, ``game_retired``, ``account_absent``, ``code_hash_mismatch``, and those of
``opstack``, ``l1_contract`` and ``state``.
"""

from __future__ import annotations

from dataclasses import dataclass

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.book.ranges import UINT64_MAX
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.l1_contract import (
    L1Contract,
    L1ContractProof,
    verify_l1_contract,
)
from clearinghouse.proofs.rollups.opstack import OutputPreimage, verify_output_root
from clearinghouse.proofs.state import verify_account, verify_storage

DEFENDER_WINS = 2
"""GameStatus: 0 in progress, 1 challenger wins, 2 defender wins."""

GAME_STATE_SLOT = Hash32(bytes(32))
"""createdAt (uint64), resolvedAt (uint64) and status (uint8), lowest first, in all versions."""

_CLONE_HEAD = bytes.fromhex(
    "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff"
    "593da1005b363d3d373d3d3d3d61"
)
_CLONE_MIDDLE = bytes.fromhex("806062363936013d73")
_CLONE_TAIL = bytes.fromhex("5af43d3d93803e606057fd5bf3")
_CLONE_CODE_BYTES = 98
_ROOT_CLAIM = slice(20, 52)
_ADDRESS_MASK = 2**160 - 1


@dataclass(frozen=True, slots=True)
class GameLayout:
    """Where the contracts of one release keep what is read here.

    Slots moved between releases, so they belong to the implementations configured beside them.
    """

    disputes_slot: int = 103
    """DisputeGameFactory ``_disputeGames``; 102 before bonds."""
    registry_factory_slot: int = 1
    """AnchorStateRegistry ``disputeGameFactory``, since version 3."""
    blacklist_slot: int = 5
    """AnchorStateRegistry ``disputeGameBlacklist``, since version 3."""
    retirement_slot: int = 6
    """AnchorStateRegistry ``respectedGameType`` in the low 4 bytes, ``retirementTimestamp`` in the
    8 above, since version 3."""
    respected_slot: int = 10
    """FaultDisputeGame ``wasRespectedGameTypeWhenCreated``, in version 1.4."""
    respected_byte: int = 0
    """Its place in that word, counted from the lowest byte."""
    extra_data_byte: int = 84
    """Where the extra data begins in a clone's arguments; 88 where the game type is one too."""


@dataclass(frozen=True, slots=True)
class DisputeGames:
    """What is trusted about an OP Stack chain's dispute games."""

    chain_id: ChainId
    """Of the rollup."""
    factory: L1Contract
    registry: L1Contract
    game_implementation: Address
    """What every game runs."""
    game_type: int
    """Of games that claim output roots."""
    airgap_seconds: int
    """disputeGameFinalityDelaySeconds of the registry."""
    layout: GameLayout = GameLayout()


@dataclass(frozen=True, slots=True)
class Clone:
    """A game's code, taken apart."""

    implementation: Address
    arguments: bytes


@dataclass(frozen=True, slots=True)
class GameProof:
    """The nodes that prove a game, and its code."""

    factory: L1ContractProof
    game_id_nodes: tuple[bytes, ...]
    registry: L1ContractProof
    registry_factory_nodes: tuple[bytes, ...]
    blacklist_nodes: tuple[bytes, ...]
    retirement_nodes: tuple[bytes, ...]
    game_nodes: tuple[bytes, ...]
    """Of the game's account."""
    state_nodes: tuple[bytes, ...]
    respected_nodes: tuple[bytes, ...]
    code: bytes
    preimage: OutputPreimage


def build_clone(implementation: Address, arguments: bytes) -> bytes:
    """Return the code of Solady's clone with immutable arguments."""
    extra_length = (len(arguments) + 2).to_bytes(2)
    return b"".join(
        (
            _CLONE_HEAD,
            extra_length,
            _CLONE_MIDDLE,
            implementation,
            _CLONE_TAIL,
            arguments,
            extra_length,
        )
    )


def decode_clone(code: bytes) -> Clone:
    """Take a clone's code apart.

    Raises
    ------
    ProofInvalid
        ``clone_malformed`` when it is not, byte for byte, what ``build_clone`` makes.
    """
    if _CLONE_CODE_BYTES + 2 <= len(code) <= 2**16 - 1:
        clone = Clone(Address(code[65:85]), code[_CLONE_CODE_BYTES:-2])
        if build_clone(clone.implementation, clone.arguments) == code:
            return clone
    raise ProofInvalid(
        "clone_malformed",
        "this is no clone with immutable arguments; ask for the code of the game itself",
        length=len(code),
    )


def game_uuid(game_type: int, root_claim: bytes, extra_data: bytes) -> Hash32:
    """Return the factory's name of a game: H(abi.encode(type, claim, 32 bytes of extra data))."""
    offset, length = (96).to_bytes(32), len(extra_data).to_bytes(32)
    return keccak256(game_type.to_bytes(32) + root_claim + offset + length + extra_data)


def verify_game_header(
    config: DisputeGames, l1: VerifiedHeader, proof: GameProof
) -> VerifiedHeader:
    """Return the rollup's header whose output root the game claims.

    Raises
    ------
    ProofInvalid
        When a rule of the module's description is not met, or a part is invalid.
    """
    root_claim, extra_data = _read_code(config, proof.code)
    game = _find_game(config, l1, root_claim, extra_data, proof)
    created_at = _verify_defended(config, l1, game, proof)
    _verify_standing(config, l1, game, created_at, proof)
    return verify_output_root(config.chain_id, root_claim, proof.preimage)


def _read_code(config: DisputeGames, code: bytes) -> tuple[Hash32, bytes]:
    """Return the root claim and the extra data of what calls itself a game."""
    clone = decode_clone(code)
    if clone.implementation != config.game_implementation:
        raise ProofInvalid(
            "game_implementation_mismatch",
            f"the game runs 0x{clone.implementation.hex()}, configured was "
            f"0x{config.game_implementation.hex()}, whose layout is known here",
            found=clone.implementation,
            expected=config.game_implementation,
        )
    at = config.layout.extra_data_byte
    extra_data = clone.arguments[at : at + 32]
    if len(extra_data) != 32:
        raise ProofInvalid("clone_malformed", "the arguments end before the extra data does")
    return Hash32(clone.arguments[_ROOT_CLAIM]), extra_data


def _find_game(
    config: DisputeGames,
    l1: VerifiedHeader,
    root_claim: Hash32,
    extra_data: bytes,
    proof: GameProof,
) -> Address:
    """Return the game that the factory made for this claim.

    It keeps type (4 bytes) | time (8) | address (20) by the hash of what the game is about.
    """
    uuid = game_uuid(config.game_type, root_claim, extra_data)
    storage_root = verify_l1_contract(l1, config.factory, proof.factory)
    slot = mapping_slot(uuid, config.layout.disputes_slot)
    game_id = verify_storage(storage_root, slot, proof.game_id_nodes)
    if game_id & _ADDRESS_MASK == 0:
        raise ProofInvalid(
            "game_not_registered",
            f"the factory made no game of type {config.game_type} for claim 0x{root_claim.hex()}",
            uuid=uuid,
            game_type=config.game_type,
        )
    return Address((game_id & _ADDRESS_MASK).to_bytes(20))


def _verify_defended(
    config: DisputeGames, l1: VerifiedHeader, game: Address, proof: GameProof
) -> int:
    """Return when the game was created, if its defender won and the guardian's time is over."""
    account = verify_account(l1.state_root, game, proof.game_nodes)
    if account is None:
        raise ProofInvalid("account_absent", f"0x{game.hex()} does not exist on L1", address=game)
    if account.code_hash != keccak256(proof.code):
        raise ProofInvalid(
            "code_hash_mismatch",
            f"the code given is not that of the game 0x{game.hex()}",
            address=game,
            found=account.code_hash,
        )
    state = verify_storage(account.storage_root, GAME_STATE_SLOT, proof.state_nodes)
    status = state >> 128 & 0xFF
    if status != DEFENDER_WINS:
        raise ProofInvalid(
            "game_not_defended",
            f"the game has status {status}, its defender has not won",
            game=game,
            status=status,
        )
    resolved_at = state >> 64 & UINT64_MAX
    if resolved_at + config.airgap_seconds >= l1.timestamp:
        raise ProofInvalid(
            "airgap_not_over",
            f"the guardian may strike the game out for {config.airgap_seconds} seconds after "
            f"{resolved_at}; prove it under an L1 header after that",
            resolved_at=resolved_at,
            airgap_seconds=config.airgap_seconds,
            l1_timestamp=l1.timestamp,
        )
    slot = Hash32(config.layout.respected_slot.to_bytes(32))
    respected = verify_storage(account.storage_root, slot, proof.respected_nodes)
    if respected >> 8 * config.layout.respected_byte & 0xFF != 1:
        raise ProofInvalid(
            "game_not_respected",
            f"type {config.game_type} was not the respected one when the game was created",
            game=game,
        )
    return state & UINT64_MAX


def _verify_standing(
    config: DisputeGames, l1: VerifiedHeader, game: Address, created_at: int, proof: GameProof
) -> None:
    """Require that the guardian has neither struck the game out nor retired it."""
    layout = config.layout
    root = verify_l1_contract(l1, config.registry, proof.registry)
    slot = Hash32(layout.registry_factory_slot.to_bytes(32))
    read_factory = verify_storage(root, slot, proof.registry_factory_nodes) & _ADDRESS_MASK
    if read_factory != int.from_bytes(config.factory.address):
        raise ProofInvalid(
            "registry_of_another_factory",
            f"the registry judges games of {read_factory:#042x}, not of the configured factory",
            found=read_factory,
            expected=config.factory.address,
        )
    blacklist_slot = mapping_slot(game.rjust(32, b"\x00"), layout.blacklist_slot)
    if verify_storage(root, blacklist_slot, proof.blacklist_nodes) != 0:
        raise ProofInvalid(
            "game_blacklisted", f"the guardian struck the game 0x{game.hex()} out", game=game
        )
    slot = Hash32(layout.retirement_slot.to_bytes(32))
    retired_until = verify_storage(root, slot, proof.retirement_nodes) >> 32 & UINT64_MAX
    if created_at <= retired_until:
        raise ProofInvalid(
            "game_retired",
            f"games created until {retired_until} were retired, this one is of {created_at}",
            game=game,
            created_at=created_at,
            retired_until=retired_until,
        )
