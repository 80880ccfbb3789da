"""Signatures that ``SyncCommitteeLightClient`` must refuse: wrong, malformed, or too clever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode, encode
from py_arkworks_bls12381 import G2Point, Scalar

from adapters.ethereum.update import UPDATE_TYPE, build_update
from clearinghouse.proofs.ethereum.bls import aggregate_public_keys, derive_public_key
from clearinghouse.proofs.ethereum.containers import LightClientUpdate, SyncCommittee
from clearinghouse.proofs.ethereum.signing import signing_root
from tests.unit.contracts.client import ELECTRA_PERIOD, SLOT, Client, deploy_client, reverts
from tests.unit.contracts.evm import Evm, Reverted
from tests.unit.proofs.ethereum.chain import (
    CURVE_ORDER,
    NETWORK,
    Signers,
    filler,
    signers_of,
    update_at,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("light-client-contract")]

PARTICIPATION, SIGNATURE, AGGREGATE_KEY, ABSENT_KEYS, PROOF = range(5)
"""Of ``struct CommitteeSignature``."""

FIELD_ORDER = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
    16,
)

G1_ADD, PAIRING = 0x0B, 0x0F

REFUSAL_GAS_MAX = 1_300_000
"""Of 16 million offered: what a malformed point may burn."""

# On the curve, not in the subgroup: EIP-2537, assets/eip-2537/fail-pairing_check_bls.json.
OUTSIDE_SUBGROUP = b"".join(
    int(coordinate, 16).to_bytes(64)
    for coordinate in (
        "197bfd0342bbc8bee2beced2f173e1a87be576379b343e93232d6cef98d84b1d"
        "696e5612ff283ce2cfdccb2cfb65fa0c",
        "184e811f55e6f9d84d77d2f79102fd7ea7422f4759df5bf7f6331d550245e3f1"
        "bcf6a30e3b29110d85e0ca16f9f6ae7a",
        "0f10e1eb3c1e53d2ad9cf2d398b2dc22c5842fab0a74b174f691a7e914975da3"
        "564d835cd7d2982815b8ac57f507348f",
        "0767d1c453890f1b9110fda82f5815c27281aba3f026ee868e4176a0654feea4"
        "1a96575e0c4d58a14dbfbcc05b5010b1",
    )
)

PRESENT = [place for place in range(32) if place not in (3, 4, 20)]


@pytest.fixture
def client(evm: Evm) -> Client:
    return deploy_client(evm, ELECTRA_PERIOD)


def signed_update(places: list[int] = PRESENT) -> LightClientUpdate:
    return update_at(SLOT, places=places, with_committee=False)


def parts(client: Client, update: LightClientUpdate | None = None) -> list[object]:
    """Return the signature part of an encoded update."""
    ((*_, signed),) = decode([UPDATE_TYPE], client.encode(update or signed_update()))
    return list(signed)


def submit(client: Client, signed: list[object], update: LightClientUpdate | None = None) -> None:
    """Send an update with another signature part."""
    ((*rest, _),) = decode([UPDATE_TYPE], client.encode(update or signed_update()))
    client.contract.send("update", encode([UPDATE_TYPE], [(*rest, tuple(signed))]))


def coordinates(point: object) -> list[int]:
    assert isinstance(point, bytes)
    return [int.from_bytes(point[at : at + 64]) for at in range(0, len(point), 64)]


def point(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(64) for value in values)


def negated(key: object) -> bytes:
    x, y = coordinates(key)
    return point([x, FIELD_ORDER - y])


def padded(encoded: object) -> bytes:
    """Return a point with something in the bytes that must be zero."""
    assert isinstance(encoded, bytes)
    return b"\x01" + encoded[1:]


def unreduced(encoded: object) -> bytes:
    """Return a point whose first coordinate stands for the same field element."""
    first, *others = coordinates(encoded)
    return point([first + FIELD_ORDER, *others])


def test_untouched_parts_are_accepted(client: Client) -> None:
    submit(client, parts(client))
    assert client.finalized_slot == SLOT - 16


# ---------------------------------------------------------------------------------- signature


def test_malformed_signatures_burn_little_gas(client: Client) -> None:
    good = parts(client)
    c0, c1, d0, d1 = coordinates(good[SIGNATURE])
    for signature in (
        OUTSIDE_SUBGROUP,
        point([c1, c0, d1, d0]),
        point([c0, c1, d1, d0]),
        point([c0, c1, d0, d1 ^ 1]),
        padded(good[SIGNATURE]),
        unreduced(good[SIGNATURE]),
        b"\xff" * 256,
    ):
        bad = [*good]
        bad[SIGNATURE] = signature
        with pytest.raises(Reverted) as caught:
            submit(client, bad)
        assert caught.value.error == ("PrecompileRefused", (PAIRING,))
        assert caught.value.gas_used < REFUSAL_GAS_MAX


def test_signature_at_infinity_is_refused(client: Client) -> None:
    bad = parts(client)
    bad[SIGNATURE] = bytes(256)
    with reverts("InfinityPoint"):
        submit(client, bad)


def test_signature_of_another_length_is_refused(client: Client) -> None:
    for length in (0, 192, 255, 257):
        bad = parts(client)
        bad[SIGNATURE] = (bytes(bad[SIGNATURE]) + b"\x00")[:length]  # type: ignore[call-overload]
        with reverts("LengthMismatch", length, 256):
            submit(client, bad)


def test_signature_over_another_message_is_refused(client: Client) -> None:
    bad = parts(client)
    bad[SIGNATURE] = parts(client, update_at(SLOT + 1, places=PRESENT))[SIGNATURE]
    with reverts("SignatureInvalid"):
        submit(client, bad)


def test_negated_signature_is_refused(client: Client) -> None:
    bad = parts(client)
    c0, c1, d0, d1 = coordinates(bad[SIGNATURE])
    bad[SIGNATURE] = point([c0, c1, FIELD_ORDER - d0, FIELD_ORDER - d1])
    with reverts("SignatureInvalid"):
        submit(client, bad)


@pytest.mark.parametrize(
    ("tag", "is_valid"),
    [
        (b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", True),
        (b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_", False),
        (b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", False),
    ],
)
def test_signature_under_another_tag_is_refused(
    client: Client, tag: bytes, *, is_valid: bool
) -> None:
    update = signed_update()
    root = signing_root(NETWORK, update.attested_header.beacon, update.signature_slot)
    secret = sum(signers_of(ELECTRA_PERIOD).secrets[place] for place in PRESENT) % CURVE_ORDER
    scalar = Scalar.from_be_bytes_mod_order(secret.to_bytes(64))
    signature = bytes((G2Point.hash_to_curve(root, tag) * scalar).to_compressed_bytes())
    aggregate = replace(update.sync_aggregate, signature=signature)
    update = replace(update, sync_aggregate=aggregate)
    if is_valid:
        client.update(update)
    else:
        with reverts("SignatureInvalid"):
            client.update(update)


# ------------------------------------------------------------------------------- participation


def test_participation_of_another_length_is_refused(client: Client) -> None:
    for length in (0, 3, 5, 64):
        bad = parts(client)
        bad[PARTICIPATION] = (bytes(bad[PARTICIPATION]) + bytes(60))[:length]  # type: ignore[call-overload]
        with reverts("LengthMismatch", length, 4):
            submit(client, bad)


def test_participants_cannot_be_claimed_or_hidden(client: Client) -> None:
    everyone = parts(client, signed_update(list(range(32))))
    few = parts(client, signed_update([*PRESENT[1:]]))
    for other in (everyone, few):
        bad = [*other]
        bad[SIGNATURE] = parts(client)[SIGNATURE]
        with reverts("SignatureInvalid"):
            submit(client, bad)
        bad = parts(client)
        bad[PARTICIPATION] = other[PARTICIPATION]
        with reverts("LengthMismatch"):
            submit(client, bad)


def test_every_absent_member_needs_its_key(client: Client) -> None:
    """Also the last one, without which the first ones would still prove their places."""
    bad = parts(client)
    bad[PARTICIPATION] = parts(client, signed_update(PRESENT[:-1]))[PARTICIPATION]
    with reverts("LengthMismatch", 3 * 128, 4 * 128):
        submit(client, bad)


def test_bits_decide_whose_keys_are_subtracted(client: Client) -> None:
    """The same number of absent keys, but of other places."""
    bad = parts(client)
    shifted = [place for place in range(32) if place not in (3, 5, 20)]
    bad[PARTICIPATION] = parts(client, signed_update(shifted))[PARTICIPATION]
    with pytest.raises(Reverted) as caught:
        submit(client, bad)
    assert caught.value.error.name in ("CommitteeMismatch", "LengthMismatch")


# ----------------------------------------------------------------------------------------- keys


def test_keys_of_another_committee_are_refused(client: Client) -> None:
    other = signers_of(9)
    update = update_at(SLOT, signers=other, with_committee=False)
    data = build_update(update, other.committee, NETWORK)
    with reverts("CommitteeMismatch", other.committee.root(), signers_of(5).committee.root()):
        client.contract.send("update", data)


@pytest.mark.parametrize("change", [negated, lambda _: bytes(128), lambda _: b"\xff" * 128])
@pytest.mark.parametrize("field", [AGGREGATE_KEY, ABSENT_KEYS])
def test_other_keys_are_refused(client: Client, field: int, change: object) -> None:
    bad = parts(client)
    keys = bad[field]
    assert isinstance(keys, bytes)
    assert callable(change)
    bad[field] = change(keys[:128]) + keys[128:]
    with reverts("CommitteeMismatch"):
        submit(client, bad)


@pytest.mark.parametrize("present", [PRESENT, list(range(32))])
def test_keys_that_only_compress_to_the_right_bytes_are_refused(
    client: Client, present: list[int]
) -> None:
    """Compression ignores the 16 bytes that must be zero, and reads only half of y."""
    update = signed_update(present)
    refusing = G1_ADD if len(present) < 32 else PAIRING
    fields = (AGGREGATE_KEY, ABSENT_KEYS) if len(present) < 32 else (AGGREGATE_KEY,)
    for field in fields:
        good = parts(client, update)
        keys = good[field]
        assert isinstance(keys, bytes)
        x, y = coordinates(keys[:128])
        other_y = y - 1 if y > FIELD_ORDER // 2 + 1 else y + 1
        for changed in (padded(keys), point([x, other_y]) + keys[128:]):
            bad = [*good]
            bad[field] = changed
            with pytest.raises(Reverted) as caught:
                submit(client, bad, update)
            assert caught.value.error == ("PrecompileRefused", (refusing,))
            assert caught.value.gas_used < REFUSAL_GAS_MAX


def test_absent_keys_out_of_order_are_refused(client: Client) -> None:
    bad = parts(client)
    keys = bad[ABSENT_KEYS]
    assert isinstance(keys, bytes)
    bad[ABSENT_KEYS] = keys[128:256] + keys[:128] + keys[256:]
    with reverts("CommitteeMismatch"):
        submit(client, bad)


def test_proof_must_be_exact(client: Client) -> None:
    good = parts(client)
    proof = good[PROOF]
    assert isinstance(proof, tuple)
    for nodes, error in (
        ((), "LengthMismatch"),
        (proof[:-1], "LengthMismatch"),
        ((*proof, filler("extra")), "LengthMismatch"),
        ((*proof[1:], proof[0]), "CommitteeMismatch"),
        ((filler("other"), *proof[1:]), "CommitteeMismatch"),
    ):
        bad = [*good]
        bad[PROOF] = nodes
        with pytest.raises(Reverted) as caught:
            submit(client, bad)
        assert caught.value.error.name in (error, "CommitteeMismatch")


def test_proof_is_the_root_of_keys_when_all_signed(client: Client) -> None:
    update = signed_update(list(range(32)))
    bad = parts(client, update)
    for nodes, error in (
        ((), "LengthMismatch"),
        ((filler("other"),), "CommitteeMismatch"),
        ((filler("other"), filler("another")), "LengthMismatch"),
    ):
        bad[PROOF] = nodes
        with reverts(error):
            submit(client, bad, update)


# ------------------------------------------------------------------------------- odd committees


def committee_of(secrets: list[int]) -> Signers:
    keys = tuple(derive_public_key(secret) for secret in secrets)
    return Signers(tuple(secrets), SyncCommittee(keys, aggregate_public_keys(keys)))


def test_keys_that_cancel_each_other_sign_nothing(evm: Evm) -> None:
    """With the neutral element as key any message is signed, by the neutral signature."""
    half = [100 + at for at in range(12)]
    odd = committee_of([*half, *(CURVE_ORDER - secret for secret in half), *range(1, 9)])
    client = deploy_client(evm, ELECTRA_PERIOD, committee=odd.committee)
    update = update_at(SLOT, with_committee=False, signers=odd, places=range(1, 32))
    places = [*range(24)]
    aggregate = replace(
        update.sync_aggregate, participation=tuple(place in places for place in range(32))
    )
    forged = replace(update, sync_aggregate=aggregate)
    with reverts("InfinityPoint"):
        client.update(forged)
    bad = parts(client, forged)
    bad[SIGNATURE] = bytes(256)
    with reverts("InfinityPoint"):
        submit(client, bad, forged)


def test_absent_keys_may_cancel_each_other(evm: Evm) -> None:
    odd = committee_of([77, CURVE_ORDER - 77, *range(1, 31)])
    client = deploy_client(evm, ELECTRA_PERIOD, committee=odd.committee)
    client.update(update_at(SLOT, with_committee=False, signers=odd, places=range(2, 32)))
    assert client.finalized_slot == SLOT - 16


def test_validator_drawn_twice_counts_twice(evm: Evm) -> None:
    odd = committee_of([5, 5, 5, *range(1, 30)])
    for places in (range(32), range(1, 32), [0, *range(3, 32)]):
        client = deploy_client(evm, ELECTRA_PERIOD, committee=odd.committee)
        client.update(update_at(SLOT, with_committee=False, signers=odd, places=places))
        assert client.finalized_slot == SLOT - 16


# ----------------------------------------------------------------------------------------- size


def test_a_megabyte_of_nodes_is_refused(client: Client) -> None:
    nodes = (bytes(32),) * 31_250
    update = signed_update()
    data = client.encode(replace(update, finality_branch=(*nodes, *update.finality_branch)))
    with reverts("BranchNotNormalised", 169, 31_250 + 7):
        client.contract.call("update", data)

    ((*rest, signed),) = decode([UPDATE_TYPE], client.encode(update))
    data = encode([UPDATE_TYPE], [(*rest, (*signed[:PROOF], (*signed[PROOF], *nodes)))])
    with reverts("LengthMismatch"):
        client.contract.call("update", data)
