"""Decisions on what members and the operator register: limits, releases, instruments."""

from __future__ import annotations

from collections.abc import Sequence

from clearinghouse.book.entries import PlacementLimitAccepted, ReleaseAccepted
from clearinghouse.book.identifiers import (
    FIRST_INSTRUMENT,
    Address,
    AssetId,
    ChainId,
    Hash32,
)
from clearinghouse.book.orders import PlacementLimit, Release
from clearinghouse.book.ranges import INT64_MAX, require_range, require_uint32
from clearinghouse.book.reference import Instrument
from clearinghouse.book.state import State
from clearinghouse.errors import Conflict, Rejected, Unavailable
from clearinghouse.risk.initial_margin import free_quanta

EARLY_LIMITS_ADDRESSES = 1_000_000
"""Addresses without a deposit whose limits are kept: keys cost nothing, memory does."""


def require_running(state: State) -> None:
    """Refuse once clearing has halted: ``finality_violated`` or ``anchor_frozen``."""
    if state.halted:
        raise Unavailable(state.halted.split()[0], f"clearing is halted: {state.halted}")


def decide_limits(
    state: State, limits: Sequence[tuple[PlacementLimit, bytes]]
) -> list[PlacementLimitAccepted]:
    """Decide a call as a whole: each limit against those before it, nothing applied yet.

    Raises
    ------
    Rejected
        ``VAULT_UNKNOWN``; ``EARLY_LIMITS_EXHAUSTED`` for an address without a deposit when
        ``EARLY_LIMITS_ADDRESSES`` others have signed limits already.
    Conflict
        ``LIMIT_SUPERSEDED`` when the nonce is not above that of the limit in force.
    """
    news: dict[tuple[Address, ChainId, AssetId], PlacementLimit] = {}
    entries = []
    for limit, signature in limits:
        vault = (limit.chain_id, limit.asset_id)
        if vault not in state.deposits:
            raise Rejected("VAULT_UNKNOWN", "no anchor on that chain holds that asset", vault=vault)
        key = (limit.member, *vault)
        known = news.get(key) or state.find_limit(limit.member, vault)
        if known == limit:
            continue
        if known is not None and limit.nonce <= known.nonce:
            raise Conflict(
                "LIMIT_SUPERSEDED",
                f"sign the limit with a nonce above {known.nonce}",
                nonce=limit.nonce,
                known=known.nonce,
            )
        news[key] = limit
        entries.append(PlacementLimitAccepted(limit, signature))
    _require_room_for_early(state, {member for member, *_ in news})
    return entries


def _require_room_for_early(state: State, members: set[Address]) -> None:
    early = {member for member in members if member not in state.positions}
    new = early - state.early_limits.keys()
    if new and len(state.early_limits) + len(new) > EARLY_LIMITS_ADDRESSES:
        raise Rejected(
            "EARLY_LIMITS_EXHAUSTED",
            "too many addresses without a deposit have signed limits; deposit, and send the limit "
            "again once the deposit is final",
            limit=EARLY_LIMITS_ADDRESSES,
        )


def decide_release(
    state: State, release_id: Hash32, release: Release, signature: bytes, now_seconds: int
) -> ReleaseAccepted | None:
    """Return the entry that holds a release's quanta, None when it is held already."""
    if release_id in state.used_releases:
        return None
    if (release.chain_id, release.asset_id) not in state.deposits:
        raise Rejected("VAULT_UNKNOWN", "no anchor on that chain holds that asset")
    require_range("quanta", release.quanta, 1, INT64_MAX)
    if release.expiry < now_seconds:
        raise Rejected("RELEASE_EXPIRED", "sign the release again with a later expiry")
    position = state.positions.get(release.member)
    if position is None:
        raise Rejected("MEMBER_UNKNOWN", "a member exists from its first final deposit on")
    free = free_quanta(state, position, release.asset_id)
    if release.quanta > free:
        raise Rejected(
            "RELEASE_EXCEEDS_FREE",
            f"at most {free} quanta are free of margin and holds",
            free=free,
            quanta=release.quanta,
        )
    return ReleaseAccepted(release_id, release, signature)


def check_instrument(state: State, instrument: Instrument, known: Instrument | None) -> None:
    """Refuse an instrument that is listed with other terms or has terms out of range."""
    number = instrument.instrument_id
    if known is not None:
        raise Conflict(
            "INSTRUMENT_CONFLICT", f"instrument {number} is listed with other terms", number=number
        )
    require_uint32("instrument id", number)
    require_range("instrument id", number, FIRST_INSTRUMENT, 2**32 - 1)
    require_range("initial margin rate", instrument.initial_margin_ppm, 0, 1_000_000)
    if instrument.quote_asset not in {asset.asset_id for asset in state.get_genesis().assets}:
        raise Rejected("ASSET_UNKNOWN", "an instrument is quoted in an asset of the genesis")
