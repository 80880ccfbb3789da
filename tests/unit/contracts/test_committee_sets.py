"""Sets of attesters and signatures that ``CommitteeLightClient`` must refuse, scheme by scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from adapters.committee.client import (
    UPDATE_TYPES,
    build_configuration,
    build_set,
    build_signatures,
)
from adapters.committee.deployment import CONTRACT_OF
from clearinghouse.proofs.bls_quorum import encode_signature
from clearinghouse.proofs.committee import Scheme
from clearinghouse.proofs.ethereum.bls import (
    derive_public_key,
    sign,
)
from tests.unit.contracts.client import reverts
from tests.unit.contracts.committee import (
    POLICY,
    RECOVERERS,
    deploy_committee,
    refused,
)
from tests.unit.contracts.evm import Evm
from tests.unit.contracts.test_committee_signature import OUTSIDE_SUBGROUP
from tests.unit.proofs.committees import (
    EPOCH,
    addresses,
    attesters_of,
    keys_sorted_by_address,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("committee-contract")]

ADDRESS_BYTES, KEY_BYTES = 20, 128

SetArguments = tuple[int, bytes, list[bytes]]

ECDSA, BLS = attesters_of(Scheme.ECDSA), attesters_of(Scheme.BLS)

CLIENTS = {Scheme.ECDSA: ECDSA, Scheme.BLS: BLS}


def members_of(count: int, size: int) -> bytes:
    return b"".join(index.to_bytes(size) for index in range(1, count + 1))


def swapped(members: bytes, size: int) -> bytes:
    return members[size : 2 * size] + members[:size] + members[2 * size :]


def repeated(members: bytes, size: int) -> bytes:
    return members[:size] * 2 + members[2 * size :]


WRONG_SETS: dict[str, tuple[Scheme, Callable[[SetArguments], SetArguments], str, tuple[Any, ...]]]
WRONG_SETS = {
    "empty": (Scheme.ECDSA, lambda s: (1, b"", []), "ThresholdOutOfRange", (1, 0)),
    "no threshold": (Scheme.ECDSA, lambda s: (0, *s[1:]), "ThresholdOutOfRange", (0, 4)),
    "too high": (Scheme.ECDSA, lambda s: (5, *s[1:]), "ThresholdOutOfRange", (5, 4)),
    "half": (Scheme.ECDSA, lambda s: (2, *s[1:]), "ThresholdNoMajority", (2, 4)),
    "65 members": (
        Scheme.ECDSA,
        lambda s: (33, members_of(65, ADDRESS_BYTES), []),
        "InvalidMemberCount",
        (65 * ADDRESS_BYTES,),
    ),
    "a byte more": (
        Scheme.ECDSA,
        lambda s: (3, s[1] + b"\x00", []),
        "InvalidMemberCount",
        (4 * ADDRESS_BYTES + 1,),
    ),
    "unsorted": (
        Scheme.ECDSA,
        lambda s: (3, swapped(s[1], ADDRESS_BYTES), []),
        "MembersNotIncreasing",
        (1,),
    ),
    "twice": (
        Scheme.ECDSA,
        lambda s: (3, repeated(s[1], ADDRESS_BYTES), []),
        "MembersNotIncreasing",
        (1,),
    ),
    "zero address": (
        Scheme.ECDSA,
        lambda s: (3, bytes(ADDRESS_BYTES) + s[1][ADDRESS_BYTES:], []),
        "MembersNotIncreasing",
        (0,),
    ),
    "possession of an address": (
        Scheme.ECDSA,
        lambda s: (3, s[1], [b"\x01"]),
        "WrongPossessionCount",
        (1, 0),
    ),
    "no keys": (Scheme.BLS, lambda s: (1, b"", []), "ThresholdOutOfRange", (1, 0)),
    "half of the keys": (Scheme.BLS, lambda s: (2, *s[1:]), "ThresholdNoMajority", (2, 4)),
    "65 keys": (
        Scheme.BLS,
        lambda s: (33, members_of(65, KEY_BYTES), []),
        "InvalidMemberCount",
        (65 * KEY_BYTES,),
    ),
    "part of a key": (
        Scheme.BLS,
        lambda s: (3, s[1][:-1], s[2]),
        "InvalidMemberCount",
        (4 * KEY_BYTES - 1,),
    ),
    "unsorted keys": (
        Scheme.BLS,
        lambda s: (3, swapped(s[1], KEY_BYTES), [s[2][1], s[2][0], *s[2][2:]]),
        "MembersNotIncreasing",
        (1,),
    ),
    "one key twice": (
        Scheme.BLS,
        lambda s: (3, repeated(s[1], KEY_BYTES), [s[2][0], s[2][0], *s[2][2:]]),
        "MembersNotIncreasing",
        (1,),
    ),
    "infinite key": (
        Scheme.BLS,
        lambda s: (3, bytes(KEY_BYTES) + s[1][KEY_BYTES:], [bytes(256), *s[2][1:]]),
        "MembersNotIncreasing",
        (0,),
    ),
    "no possession": (Scheme.BLS, lambda s: (3, s[1], []), "WrongPossessionCount", (0, 4)),
    "one possession less": (
        Scheme.BLS,
        lambda s: (3, s[1], s[2][:3]),
        "WrongPossessionCount",
        (3, 4),
    ),
    "foreign possession": (
        Scheme.BLS,
        lambda s: (3, s[1], [s[2][1], s[2][0], *s[2][2:]]),
        "PossessionInvalid",
        (0,),
    ),
    "possession of nothing": (
        Scheme.BLS,
        lambda s: (3, s[1], [*s[2][:3], b""]),
        "PossessionInvalid",
        (3,),
    ),
    "infinite possession": (
        Scheme.BLS,
        lambda s: (3, s[1], [*s[2][:3], bytes(256)]),
        "PossessionInvalid",
        (3,),
    ),
    "signature for a possession": (
        Scheme.BLS,
        lambda s: (3, s[1], [encode_signature(sign_key(0)), *s[2][1:]]),
        "PossessionInvalid",
        (0,),
    ),
    "key outside the subgroup": (
        Scheme.BLS,
        lambda s: (3, s[1][: 3 * KEY_BYTES] + OUTSIDE_GROUP_KEY, s[2]),
        "PrecompileRefused",
        (0x0F,),
    ),
    "key off the curve": (
        Scheme.BLS,
        lambda s: (3, s[1][:-1] + bytes([s[1][-1] ^ 1]), s[2]),
        "PrecompileRefused",
        (0x0F,),
    ),
    "possession outside the subgroup": (
        Scheme.BLS,
        lambda s: (3, s[1], [OUTSIDE_SUBGROUP, *s[2][1:]]),
        "PrecompileRefused",
        (0x0F,),
    ),
}


def sign_key(place: int) -> bytes:
    """Return a key's own bytes signed as if they were a message, under the wrong tag."""
    secret = int.from_bytes(BLS.keys[place])
    return sign(secret, derive_public_key(secret))


# (x, y) on y^2 = x^3 + 4 with the greatest x below the order of the field whose point is not in the
# prime-order subgroup, so that it sorts last.
FIELD_ORDER = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    16,
)


def _find_outside() -> bytes:
    for x in range(FIELD_ORDER - 1, 0, -1):
        square = (pow(x, 3, FIELD_ORDER) + 4) % FIELD_ORDER
        y = pow(square, (FIELD_ORDER + 1) // 4, FIELD_ORDER)
        if y * y % FIELD_ORDER == square:  # one point in 2^126 of these is in the subgroup
            return x.to_bytes(64) + y.to_bytes(64)
    raise AssertionError("half of all x lie on the curve")


OUTSIDE_GROUP_KEY = _find_outside()


@pytest.mark.parametrize("case", WRONG_SETS)
def test_set_is_refused_at_deployment_and_at_every_handover(committee_evm: Evm, case: str) -> None:
    scheme, change, error, arguments = WRONG_SETS[case]
    attesters = CLIENTS[scheme]
    wrong = change(build_set(attesters.committee))
    configuration = list(build_configuration(attesters.committee, POLICY))
    configuration[3] = wrong
    with reverts(error, *arguments):
        committee_evm.deploy(CONTRACT_OF[scheme], tuple(configuration))

    client = deploy_committee(committee_evm, attesters)
    digest = client.contract.call("handoverDigest", EPOCH, 20, *wrong[:2])
    signatures = build_signatures(scheme, attesters.sign(digest))
    with refused(client, error, *arguments):
        client.contract.send(
            "update", encode(UPDATE_TYPES, [b"", [], 0, [(EPOCH, 20, wrong, signatures)]])
        )


@pytest.mark.parametrize(
    ("threshold", "count", "error", "arguments"),
    [
        (1, 1, "ThresholdNoSupermajority", (1, 1)),  # a single key
        (2, 3, "ThresholdNoSupermajority", (2, 3)),  # two thirds are not more than two thirds
        (0, 4, "ThresholdOutOfRange", (0, 4)),
        (5, 4, "ThresholdOutOfRange", (5, 4)),
        (3, 0, "ThresholdOutOfRange", (3, 0)),
    ],
)
def test_recovery_set_is_refused_when_too_few_could_recover(
    committee_evm: Evm, threshold: int, count: int, error: str, arguments: tuple[int, ...]
) -> None:
    members = addresses(keys_sorted_by_address(count))
    policy = replace(POLICY, recovery_threshold=threshold, recovery_members=members)
    with reverts(error, *arguments):
        deploy_committee(committee_evm, ECDSA, policy)


def test_recovery_set_is_refused_when_it_is_unsorted_or_needs_no_delay(
    committee_evm: Evm,
) -> None:
    members = addresses(RECOVERERS[::-1])
    with reverts("MembersNotIncreasing", 1):
        deploy_committee(committee_evm, ECDSA, replace(POLICY, recovery_members=members))
    with reverts("InvalidConfiguration"):
        deploy_committee(committee_evm, ECDSA, replace(POLICY, recovery_delay_seconds=0))


@pytest.mark.parametrize(
    "change",
    [{"trusting_seconds": 0, "overlap_seconds": 0}, {"overlap_seconds": 100_001}],
    ids=["never trusted", "overlap beyond the trusting period"],
)
def test_client_is_refused_when_a_period_is_out_of_proportion(
    committee_evm: Evm, change: dict[str, int]
) -> None:
    with reverts("InvalidConfiguration"):
        deploy_committee(committee_evm, ECDSA, replace(POLICY, **change))  # type: ignore[arg-type]
