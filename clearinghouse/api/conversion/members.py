"""Members, and what they sign about their claims: placement limits and releases."""

from __future__ import annotations

from clearinghouse.api.conversion.fields import (
    address_of,
    chain_id_of,
    fitting,
    submessage_of,
    uint128_bytes,
    uint128_of,
)
from clearinghouse.api.views import AssetAccount, Claim, Member, MemberHolding
from clearinghouse.book.identifiers import AssetId, InstrumentId, Position
from clearinghouse.book.orders import PlacementLimit, Release
from clearinghouse.v1 import members_pb2


def placement_limit_to_message(limit: PlacementLimit) -> members_pb2.PlacementLimit:
    """Return the message of a placement limit."""
    with fitting("placement limit"):
        return members_pb2.PlacementLimit(
            member=limit.member,
            chain_id=limit.chain_id,
            asset_id=limit.asset_id,
            maximum_quanta=uint128_bytes("maximum quanta", limit.maximum_quanta),
            nonce=limit.nonce,
        )


def placement_limit_from_message(message: members_pb2.PlacementLimit) -> PlacementLimit:
    """Return the placement limit of a message."""
    return PlacementLimit(
        member=address_of("member", message.member),
        chain_id=chain_id_of("chain id", message.chain_id),
        asset_id=AssetId(message.asset_id),
        maximum_quanta=uint128_of("maximum quanta", message.maximum_quanta),
        nonce=message.nonce,
    )


def signed_limit_to_message(
    limit: PlacementLimit, signature: bytes
) -> members_pb2.SignedPlacementLimit:
    """Return the message of a limit and its signature."""
    return members_pb2.SignedPlacementLimit(
        limit=placement_limit_to_message(limit), signature=signature
    )


def signed_limit_from_message(
    message: members_pb2.SignedPlacementLimit,
) -> tuple[PlacementLimit, bytes]:
    """Return the limit and its signature."""
    limit = placement_limit_from_message(submessage_of(message, "limit"))
    return limit, message.signature


def release_to_message(release: Release) -> members_pb2.Release:
    """Return the message of a release."""
    with fitting("release"):
        return members_pb2.Release(
            member=release.member,
            chain_id=release.chain_id,
            asset_id=release.asset_id,
            quanta=release.quanta,
            nonce=release.nonce,
            expiry=release.expiry,
        )


def release_from_message(message: members_pb2.Release) -> Release:
    """Return the release of a message."""
    return Release(
        member=address_of("member", message.member),
        chain_id=chain_id_of("chain id", message.chain_id),
        asset_id=AssetId(message.asset_id),
        quanta=message.quanta,
        nonce=message.nonce,
        expiry=message.expiry,
    )


def member_to_message(member: Member) -> members_pb2.Member:
    """Return the message of a member's view."""
    return members_pb2.Member(
        member=member.member,
        position=member.position,
        claims=[
            members_pb2.Claim(chain_id=claim.chain_id, asset_id=claim.asset_id, quanta=claim.quanta)
            for claim in member.claims
        ],
        accounts=[
            members_pb2.AssetAccount(
                asset_id=account.asset_id,
                collateral_quanta=account.collateral_quanta,
                pending_deposit_quanta=account.pending_deposit_quanta,
                held_quanta=account.held_quanta,
                variation_quanta=account.variation_quanta,
                required_quanta=account.required_quanta,
            )
            for account in member.accounts
        ],
        holdings=[
            members_pb2.Holding(
                instrument_id=holding.instrument_id,
                quantity=holding.quantity,
                basis_quanta=holding.basis_quanta,
                mark=holding.mark,
            )
            for holding in member.holdings
        ],
        placement_limits=[placement_limit_to_message(limit) for limit in member.placement_limits],
        sequence=member.sequence,
    )


def member_from_message(message: members_pb2.Member) -> Member:
    """Return the member's view of a message."""
    return Member(
        member=address_of("member", message.member),
        position=Position(message.position),
        claims=tuple(
            Claim(chain_id_of("chain id", claim.chain_id), AssetId(claim.asset_id), claim.quanta)
            for claim in message.claims
        ),
        accounts=tuple(
            AssetAccount(
                asset_id=AssetId(account.asset_id),
                collateral_quanta=account.collateral_quanta,
                pending_deposit_quanta=account.pending_deposit_quanta,
                held_quanta=account.held_quanta,
                variation_quanta=account.variation_quanta,
                required_quanta=account.required_quanta,
            )
            for account in message.accounts
        ),
        holdings=tuple(
            MemberHolding(
                instrument_id=InstrumentId(holding.instrument_id),
                quantity=holding.quantity,
                basis_quanta=holding.basis_quanta,
                mark=holding.mark,
            )
            for holding in message.holdings
        ),
        placement_limits=tuple(
            placement_limit_from_message(limit) for limit in message.placement_limits
        ),
        sequence=message.sequence,
    )
