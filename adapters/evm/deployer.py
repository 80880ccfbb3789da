"""Putting a clearinghouse on its chains.

The order is fixed, because anchors name each other: tokens; an anchor per chain, all of which agree
on the clearinghouse id; a light client of every spoke on home and of home on every spoke; then each
anchor learns its peers, with their code hashes, and from that call on nobody has a privilege.

Addresses and code hashes are what the deployer's own nodes report. They are public: whoever joins
later compares them with the published source before pinning them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.evm.artifacts import load_artifact
from adapters.evm.encoding import operator_set_argument, windows_argument
from adapters.evm.sender import Sender
from clearinghouse.book.identifiers import Address, AssetId, ChainId, Hash32, to_hex
from clearinghouse.book.settlements import OperatorSet, Windows
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.commitment.settlements import clearinghouse_id
from clearinghouse.errors import ChainFault


@dataclass(frozen=True)
class TokenPlan:
    """An asset on one chain: a token that exists, or a test token to create."""

    asset_id: AssetId
    units_per_quantum: int
    """Smallest units of the token that make one quantum of the ledger."""
    minimum_deposit_quanta: int
    symbol: str
    decimals: int
    """For display, by wallets; ignored where ``address`` is given."""
    address: Address | None = None
    """Of an existing token; None creates a ``FaucetToken``, which anyone may mint."""


class LightClientPlan(Protocol):
    """The contract by which other chains follow one chain; every chain family has its own."""

    def deploy(self, sender: Sender, clients: Mapping[ChainId, Address]) -> Address:
        """Create it, ready for its first update, on the chain of ``sender``.

        ``clients`` are the light clients that stand there already, by the chain that they follow.
        """
        ...


@dataclass(frozen=True)
class ChainPlan:
    """What to put on one chain."""

    sender: Sender
    """The deployer's account there."""
    light_client: LightClientPlan
    """Of this chain, for the others."""
    tokens: tuple[TokenPlan, ...]
    """Sorted by asset id."""


@dataclass(frozen=True)
class ClearinghousePlan:
    """A clearinghouse before it exists."""

    salt: Hash32
    """Makes the clearinghouse id unique among deployments with the same constants."""
    home: ChainId
    windows: Windows
    operator_set: OperatorSet
    chains: tuple[ChainPlan, ...]
    """Chain ids strictly increasing, home among them."""


@dataclass(frozen=True)
class DeployedContract:
    """A contract as its chain's node reports it."""

    address: Address
    code_hash: Hash32


@dataclass(frozen=True)
class DeployedChain:
    """What stands on one chain."""

    chain_id: ChainId
    anchor: DeployedContract
    tokens: Mapping[AssetId, Address]
    units_per_quantum: Mapping[AssetId, int]
    client_of: Mapping[ChainId, Address]
    """Light clients on this chain, by the chain that they follow."""


@dataclass(frozen=True)
class DeployedClearinghouse:
    """A clearinghouse that is ready for its first deposit."""

    clearinghouse_id: Hash32
    home: ChainId
    chains: Mapping[ChainId, DeployedChain]


def deploy_clearinghouse(plan: ClearinghousePlan) -> DeployedClearinghouse:
    """Deploy everything and return where it is.

    Raises
    ------
    ChainFault
        ``transaction_reverted`` when a contract refuses the plan, ``deployment_mismatch`` when an
        anchor computed another clearinghouse id than we do.
    Unavailable
        When a chain does not answer or include.
    """
    chain_ids = [chain.sender.chain_id for chain in plan.chains]
    identity = clearinghouse_id(plan.salt, plan.home, chain_ids, plan.windows)
    tokens = {chain.sender.chain_id: _deploy_tokens(chain) for chain in plan.chains}
    anchors = {
        chain.sender.chain_id: _deploy_anchor(
            plan, chain, identity, chain_ids, tokens[chain.sender.chain_id]
        )
        for chain in plan.chains
    }
    clients: dict[ChainId, dict[ChainId, Address]] = {c: {} for c in chain_ids}
    for chain in plan.chains:
        here = chain.sender.chain_id
        for followed in plan.chains:
            if here != followed.sender.chain_id and plan.home in (here, followed.sender.chain_id):
                address = followed.light_client.deploy(chain.sender, clients[here])
                clients[here][followed.sender.chain_id] = address
        initialize_peers(chain.sender, anchors[here].address, anchors, clients[here])
    return DeployedClearinghouse(
        clearinghouse_id=identity,
        home=plan.home,
        chains={
            chain.sender.chain_id: DeployedChain(
                chain_id=chain.sender.chain_id,
                anchor=anchors[chain.sender.chain_id],
                tokens=tokens[chain.sender.chain_id],
                units_per_quantum={t.asset_id: t.units_per_quantum for t in chain.tokens},
                client_of=clients[chain.sender.chain_id],
            )
            for chain in plan.chains
        },
    )


def deploy_token(sender: Sender, symbol: str, decimals: int) -> Address:
    """Create a test token that anyone may mint, and return its address."""
    token = load_artifact("FaucetToken")
    address, _ = sender.create(token.encode_creation(f"Test {symbol}", symbol, decimals))
    return address


def mint_token(sender: Sender, token: Address, owner: Address, units: int) -> None:
    """Give ``owner`` units of a test token."""
    sender.send(token, load_artifact("FaucetToken").encode_call("faucet", owner, units))


def initialize_peers(
    sender: Sender,
    anchor: Address,
    anchors: Mapping[ChainId, DeployedContract],
    clients: Mapping[ChainId, Address],
) -> None:
    """Tell an anchor, once and for ever, which anchors it believes through which clients."""
    peers = [
        (chain_id, anchors[chain_id].address, anchors[chain_id].code_hash, clients[chain_id])
        for chain_id in sorted(clients)
    ]
    sender.send(anchor, load_artifact("Anchor").encode_call("initialize", peers))


def _deploy_tokens(chain: ChainPlan) -> dict[AssetId, Address]:
    return {
        token.asset_id: token.address or deploy_token(chain.sender, token.symbol, token.decimals)
        for token in chain.tokens
    }


def _deploy_anchor(
    plan: ClearinghousePlan,
    chain: ChainPlan,
    identity: Hash32,
    chain_ids: Sequence[ChainId],
    tokens: Mapping[AssetId, Address],
) -> DeployedContract:
    anchor = load_artifact("Anchor")
    address, _ = chain.sender.create(
        anchor.encode_creation(
            plan.salt,
            plan.home,
            list(chain_ids),
            windows_argument(plan.windows),
            operator_set_argument(plan.operator_set),
            [
                (
                    token.asset_id,
                    tokens[token.asset_id],
                    token.units_per_quantum,
                    token.minimum_deposit_quanta,
                )
                for token in chain.tokens
            ],
        )
    )
    (computed,) = chain.sender.reader.call(anchor, address, "clearinghouseId")
    if computed != identity:
        raise ChainFault(
            "deployment_mismatch",
            f"the anchor on chain {chain.sender.chain_id} is of clearinghouse {to_hex(computed)}, "
            f"planned was {to_hex(identity)}; compile the contracts that belong to this version",
            chain_id=chain.sender.chain_id,
        )
    return DeployedContract(address, keccak256(chain.sender.reader.code(address)))
