"""The roots of an OP Stack chain on its L1: dispute games that their defenders won."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.evm.reader import Reader
from adapters.evm.rollup_evidence import PostedHeader, read_l1_contract
from adapters.evm.rollup_proofs import build_game_proof
from adapters.opstack.audit import MESSAGE_PASSER
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.anchor_layout import mapping_slot
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.proofs.rollups.dispute_game import (
    GAME_STATE_SLOT,
    DisputeGames,
    GameProof,
    decode_clone,
    game_uuid,
    verify_game_header,
)
from clearinghouse.proofs.rollups.opstack import OutputPreimage

GAME_CREATED = keccak256(b"DisputeGameCreated(address,uint32,bytes32)")
"""Topic of the factory's event; game, type and root claim are indexed."""

LOG_BLOCKS_MAX = 10_000
"""Blocks of L1 that are asked for at once: what public nodes answer."""

_LOST = frozenset({"game_blacklisted", "game_retired", "game_not_respected"})
"""Refusals that no later L1 header takes back."""

_UNDECIDED = frozenset({"game_not_defended", "airgap_not_over"})

_ROOT_CLAIM = slice(20, 52)
_EXTRA_DATA_BYTES = 32


class GameRoots:
    """A ``PostedRoots``; ``reader`` asks an archive of the rollup, ``l1_reader`` a node of L1.

    Games are known from the factory's events: hints, until proven. Output roots are of old states,
    and part of one is in no header, so the rollup's node has to keep states of a week ago.
    """

    def __init__(
        self, games: DisputeGames, l1_reader: Reader, reader: Reader, first_l1_height: int = 0
    ) -> None:
        """``first_l1_height`` is where events are read from: games made before are not seen."""
        self._games = games
        self._l1_reader = l1_reader
        self._reader = reader
        self._next_l1_height = first_l1_height
        self._created: list[tuple[int, Address]] = []
        """By the height that they are about: games that may still prove a header."""
        self._judged_at = -1
        self._undecided: set[Address] = set()
        """At the L1 height ``_judged_at``, so that they are asked about once per L1 header."""

    @property
    def chain_id(self) -> ChainId:
        """Of the rollup."""
        return self._games.chain_id

    def find_posted(self, l1: VerifiedHeader, height: int) -> PostedHeader | None:
        """Return the lowest header from ``height`` on that a game proves, None before there is one.

        Raises
        ------
        ProofInvalid, Unavailable
            When a node lies, or does not answer.
        """
        self._look_at(l1)
        return self._find(l1, [entry for entry in self._created if entry[0] >= height])

    def find_newest(self, l1: VerifiedHeader) -> PostedHeader | None:
        """Return the highest header that a game proves, None before there is one; raises alike."""
        self._look_at(l1)
        return self._find(l1, self._created[::-1])

    def _look_at(self, l1: VerifiedHeader) -> None:
        self._read_created(l1.height)
        if l1.height != self._judged_at:
            self._judged_at, self._undecided = l1.height, set()

    def _find(
        self, l1: VerifiedHeader, candidates: Sequence[tuple[int, Address]]
    ) -> PostedHeader | None:
        """Return what the first of the candidates proves that proves anything."""
        for claimed_height, game in candidates:
            if game in self._undecided:
                continue
            try:
                return self._prove(l1, claimed_height, game)
            except ProofInvalid as refusal:
                if refusal.reason in _LOST:
                    self._created.remove((claimed_height, game))
                elif refusal.reason in _UNDECIDED:
                    self._undecided.add(game)
                else:
                    raise
        return None

    def _prove(self, l1: VerifiedHeader, claimed_height: int, game: Address) -> PostedHeader:
        games, layout = self._games, self._games.layout
        code = self._l1_reader.code(game)
        arguments = decode_clone(code).arguments
        uuid = game_uuid(games.game_type, arguments[_ROOT_CLAIM], self._extra_data(arguments))
        factory, (game_id_nodes,) = read_l1_contract(
            self._l1_reader, games.factory, [mapping_slot(uuid, layout.disputes_slot)], l1.height
        )
        standing = (
            _slot(layout.registry_factory_slot),
            mapping_slot(game.rjust(32, b"\x00"), layout.blacklist_slot),
            _slot(layout.retirement_slot),
        )
        registry, registry_nodes = read_l1_contract(
            self._l1_reader, games.registry, standing, l1.height
        )
        registry_factory_nodes, blacklist_nodes, retirement_nodes = registry_nodes
        decided = (GAME_STATE_SLOT, _slot(layout.respected_slot))
        own = self._l1_reader.get_proof(game, decided, l1.height)
        state_nodes, respected_nodes = own.storage_nodes
        _, encoded = self._reader.get_header_at(claimed_height)
        passer_root = self._reader.storage_root(MESSAGE_PASSER, claimed_height)
        proof = GameProof(
            factory=factory,
            game_id_nodes=game_id_nodes,
            registry=registry,
            registry_factory_nodes=registry_factory_nodes,
            blacklist_nodes=blacklist_nodes,
            retirement_nodes=retirement_nodes,
            game_nodes=own.account_nodes,
            state_nodes=state_nodes,
            respected_nodes=respected_nodes,
            code=code,
            preimage=OutputPreimage(passer_root, encoded),
        )
        return PostedHeader(verify_game_header(games, l1, proof), build_game_proof(proof))

    def _read_created(self, last_l1_height: int) -> None:
        factory, game_type = self._games.factory.address, self._games.game_type.to_bytes(32)
        while self._next_l1_height <= last_l1_height:
            last = min(self._next_l1_height + LOG_BLOCKS_MAX - 1, last_l1_height)
            for log in self._l1_reader.logs(factory, self._next_l1_height, last):
                topics = log.topics
                if len(topics) == 4 and topics[0] == GAME_CREATED and topics[2] == game_type:
                    game = Address(topics[1][12:])
                    claimed = self._find_claimed_height(game)
                    if claimed is not None:
                        self._created.append((claimed, game))
            self._next_l1_height = last + 1
        self._created.sort()

    def _find_claimed_height(self, game: Address) -> int | None:
        """Return the rollup's height that a game is about, None where it is no game of ours."""
        try:
            clone = decode_clone(self._l1_reader.code(game))
        except ProofInvalid:
            return None
        extra_data = self._extra_data(clone.arguments)
        is_ours = clone.implementation == self._games.game_implementation
        return int.from_bytes(extra_data) if is_ours and extra_data else None

    def _extra_data(self, arguments: bytes) -> bytes:
        """Return what makes a game's root claim unique: the height; empty where it is cut off."""
        at = self._games.layout.extra_data_byte
        found = arguments[at : at + _EXTRA_DATA_BYTES]
        return found if len(found) == _EXTRA_DATA_BYTES else b""


def _slot(number: int) -> Hash32:
    return Hash32(number.to_bytes(32))
