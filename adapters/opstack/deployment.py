"""How an OP Stack chain's headers are proven by its L1: outputs in an L2OutputOracle."""

from __future__ import annotations

from adapters.evm.bonded_client import RootPlan
from adapters.evm.rollup_proofs import l1_contract_argument
from clearinghouse.proofs.rollups.opstack import OutputOracle


def plan_output_root(oracle: OutputOracle) -> RootPlan:
    """Return the root contract that believes ``oracle``."""
    return RootPlan(
        "OutputOracleRoot",
        (l1_contract_argument(oracle.oracle), oracle.outputs_slot, oracle.finalization_seconds),
    )
