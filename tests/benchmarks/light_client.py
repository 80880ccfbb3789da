"""How long one sync committee update takes to verify: mainnet, 512 keys, from compressed form.

``python -m tests.benchmarks.light_client [--json]`` verifies the recorded Fulu update of mainnet,
509 of 512 signed, 20 times and prints medians in milliseconds; decoding of JSON is left out. The
bound is 60 ms: the whole of an update, twice what it takes on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

from clearinghouse.proofs.ethereum.beacon_json import decode_store, decode_updates
from clearinghouse.proofs.ethereum.networks import MAINNET
from clearinghouse.proofs.ethereum.updates import (
    apply_update,
    verify_content,
    verify_signature,
    verify_update,
)
from tests.recorded import RECORDED

REPETITIONS = 20
BOUND_MILLISECONDS = 60.0


def median_milliseconds(action: Callable[[], object]) -> float:
    """Return the median duration of ``action``."""
    durations = []
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        action()
        durations.append((time.perf_counter() - begun) * 1_000)
    return round(statistics.median(durations), 2)


def measure() -> dict[str, float]:
    """Return medians in milliseconds by what was done."""
    folder = RECORDED / "vectors/beacon-light-client/mainnet-fulu-sp1helios"
    store = decode_store(json.loads((folder / "store.json").read_text()))
    (update,) = decode_updates(json.loads((folder / "update.json").read_text()))
    now = update.signature_slot
    return {
        "update_verified": median_milliseconds(lambda: verify_update(MAINNET, store, update, now)),
        "of_which_signature": median_milliseconds(lambda: verify_signature(MAINNET, store, update)),
        "of_which_branches": median_milliseconds(lambda: verify_content(MAINNET, update)),
        "update_applied": median_milliseconds(lambda: apply_update(MAINNET, store, update)),
    }


def main() -> None:
    """Print the medians; exit 1 when the bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    found = measure()
    if parser.parse_args().json:
        print(json.dumps(found))
    else:
        for name, milliseconds in found.items():
            print(f"{name.replace('_', ' '):20} {milliseconds:8.2f} ms")
    if found["update_verified"] > BOUND_MILLISECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
