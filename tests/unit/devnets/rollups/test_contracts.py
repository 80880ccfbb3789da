"""What rollups post to has the storage that the real contracts have (synthetic contracts)."""

from __future__ import annotations

import json

import pytest

from adapters.evm.artifacts import ARTIFACTS_DIRECTORY
from clearinghouse.proofs.rollups.nitro import OUTBOX_ROOTS_SLOT
from clearinghouse.proofs.rollups.opstack import OUTPUTS_SLOT

LAYOUTS = {
    "OutputOracleFixture": {
        "_initialized": 0,
        "startingBlockNumber": 1,
        "startingTimestamp": 2,
        "_l2Outputs": OUTPUTS_SLOT,
        "submissionInterval": 4,
        "l2BlockTime": 5,
        "challenger": 6,
        "proposer": 7,
        "finalizationPeriodSeconds": 8,
    },
    "OutboxFixture": {"rollup": 0, "bridge": 1, "spent": 2, "roots": OUTBOX_ROOTS_SLOT},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_storage_is_laid_out_as_deployed_when_compiled(name: str) -> None:
    artifact = json.loads((ARTIFACTS_DIRECTORY / f"{name}.json").read_text())
    storage = artifact["storageLayout"]["storage"]
    assert {entry["label"]: int(entry["slot"]) for entry in storage} == LAYOUTS[name]
    assert all(entry["offset"] == 0 for entry in storage)
