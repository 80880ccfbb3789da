"""How a Nitro chain's headers are proven by its L1: send roots in an Outbox."""

from __future__ import annotations

from adapters.evm.bonded_client import RootPlan
from adapters.evm.rollup_proofs import l1_contract_argument
from clearinghouse.proofs.rollups.nitro import NitroOutbox


def plan_outbox_root(outbox: NitroOutbox) -> RootPlan:
    """Return the root contract that believes ``outbox``."""
    return RootPlan("OutboxRoot", (l1_contract_argument(outbox.outbox), outbox.roots_slot))
