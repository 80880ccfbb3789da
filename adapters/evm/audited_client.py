"""One ``AttestedRollupClient`` as auditors see it: what it took, and who can be held to it still.

What its chain's node says here is a hint. A node that hides updates hides lies, so ask one that is
your own; one that invents them gains nothing, because signatures are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.evm.artifacts import decode_event, load_artifact
from adapters.evm.bonded_client import submit_audit
from adapters.evm.rollup_proofs import Argument
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.proofs.committee import Attestation

LOG_BLOCKS_MAX = 10_000
"""Blocks that are asked for at once: what public nodes answer."""

_FROZEN = 1


class AuditedClient:
    """A client contract, through the account that pays on its chain."""

    def __init__(self, sender: Sender, client: Address, first_height: int = 0) -> None:
        """``first_height`` is where its events are read from: of its deployment, or later."""
        self._sender = sender
        self._client = client
        self._next_height = first_height
        self._abi = load_artifact("AttestedRollupClient")
        self._light_client_abi = load_artifact("ILightClient")
        self._made_of: dict[str, Any] = {}

    @property
    def chain_id(self) -> ChainId:
        """The chain that it is on."""
        return self._sender.chain_id

    @property
    def history_window(self) -> int:
        """How many hashes of earlier blocks it takes the rollup's state to hold."""
        return int(self._configuration()["historyWindow"])

    def read_attested(self) -> Iterator[tuple[Attestation, int]]:
        """Yield what it took since the last call, up to the block that its node holds final.

        With each comes the header's time, in seconds. What was yielded before an error does not
        come again.
        """
        final, _ = self._sender.reader.get_finalised_header()
        while self._next_height <= final.height:
            last = min(self._next_height + LOG_BLOCKS_MAX - 1, final.height)
            epoch = int(self._configuration()["epoch"])
            logs = self._sender.reader.logs(self._client, self._next_height, last)
            self._next_height = last + 1
            times: dict[bytes, int] = {}
            for log in logs:
                name, said = decode_event(self._abi, log.topics, log.data) or ("", {})
                if name == "HeaderStored":
                    times[said["blockHash"]] = said["timestamp"]
                elif name == "HeaderAttested" and said["blockHash"] in times:
                    attestation = Attestation(
                        epoch=epoch,
                        height=said["height"],
                        block_hash=Hash32(said["blockHash"]),
                        signatures=tuple(said["signatures"]),
                    )
                    yield attestation, times[said["blockHash"]]

    def l1_height(self) -> int:
        """Return the newest L1 height that the client's own client of L1 holds; 0 if none."""
        address = self._l1_client()
        (height,) = self._sender.reader.call(self._light_client_abi, address, "latestHeight")
        return int(height)

    def submit_l1_updates(self, updates: Sequence[bytes]) -> None:
        """Bring the client of L1 that evidence is judged by to a newer header."""
        for update in updates:
            call = self._light_client_abi.encode_call("update", update)
            self._sender.send(self._l1_client(), call)

    def find_liable(self, signers: Sequence[Address]) -> tuple[Address, ...]:
        """Return those of ``signers`` whose bonds are here or were lost here; none if all is done.

        All is done when none has a bond left and the client is frozen, or they are no quorum.
        """
        bonds = {signer: self._bond(signer) for signer in signers}
        liable = tuple(s for s, (units, lost) in bonds.items() if units or lost)
        freezes = len(liable) >= self._configuration()["threshold"] and not self._is_frozen()
        return liable if freezes or any(units for units, _ in bonds.values()) else ()

    def submit_audit(self, attestation: Attestation, evidence: Argument) -> None:
        """Take the bonds of all who signed, and freeze the client if they are a quorum.

        Raises
        ------
        ChainFault
            ``transaction_reverted`` when the contract is not convinced.
        """
        submit_audit(self._sender, self._client, attestation, evidence)

    def _bond(self, member: Address) -> tuple[int, bool]:
        """Return the units at stake, and whether they were lost."""
        bond = self._abi.decode_struct("bondOf", self._view("bondOf", member))
        return bond["units"], bond["units"] == 0 and bond["withdrawableAt"] == 2**64 - 1

    def _is_frozen(self) -> bool:
        return self._view("status") == (_FROZEN,)

    def _l1_client(self) -> Address:
        return Address(bytes.fromhex(self._configuration()["l1"].removeprefix("0x")))

    def _configuration(self) -> dict[str, Any]:
        """Return what the client is made of, which never changes."""
        if not self._made_of:
            result = self._view("configuration")
            self._made_of = self._abi.decode_struct("configuration", result)
        return self._made_of

    def _view(self, function: str, *arguments: object) -> tuple[Any, ...]:
        return self._sender.reader.call(self._abi, self._client, function, *arguments)
