"""How an OP Stack chain's headers are proven by its L1: outputs in an oracle, or dispute games."""

from __future__ import annotations

from adapters.evm.bonded_client import RootPlan
from adapters.evm.rollup_proofs import game_layout_argument, l1_contract_argument
from clearinghouse.proofs.rollups.dispute_game import DisputeGames
from clearinghouse.proofs.rollups.opstack import OutputOracle


def plan_output_root(oracle: OutputOracle) -> RootPlan:
    """Return the root contract that believes ``oracle``."""
    return RootPlan(
        "OutputOracleRoot",
        (l1_contract_argument(oracle.oracle), oracle.outputs_slot, oracle.finalization_seconds),
    )


def plan_game_root(games: DisputeGames) -> RootPlan:
    """Return the root contract that believes what ``games`` decided."""
    return RootPlan(
        "DisputeGameRoot",
        (
            l1_contract_argument(games.factory),
            l1_contract_argument(games.registry),
            games.game_implementation,
            games.game_type,
            games.airgap_seconds,
            game_layout_argument(games.layout),
        ),
    )
