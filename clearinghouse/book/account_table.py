"""What every member owns: per asset over all chains, and per vault."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.growth import grown
from clearinghouse.book.identifiers import AssetId, ChainId, Position
from clearinghouse.book.orders import PlacementLimit
from clearinghouse.book.ranges import INT64_MAX, UINT64_MAX

Vault = tuple[ChainId, AssetId]
"""One asset on one chain."""

ACCOUNT_ROW = np.dtype(
    [
        ("claims", np.int64),
        ("pending", np.int64),
        ("held", np.int64),
        ("residual", np.int64),
    ]
)
"""Quanta of one member in one asset: claims of the last committed legs summed over chains; final
deposits that no committed leg has consumed; accepted releases that none has answered; what the last
settlement could not place, owed to the member where positive."""

LIMIT_ROW = np.dtype(
    [("high", np.uint64), ("low", np.uint64), ("nonce", np.uint64), ("given", np.uint64)]
)
"""A signed placement limit: its 128 bits in two halves, its nonce, and 1 where there is one."""

_ARRAYS = ("accounts", "claims", "limits")

NO_LIMIT = -1
"""In a column of largest claims: the member signed nothing for the vault."""


class AccountTable:
    """Accounts by (asset row, position) and claims and limits by (vault row, position)."""

    def __init__(self, assets: tuple[AssetId, ...] = (), vaults: tuple[Vault, ...] = ()) -> None:
        self.assets = assets
        self.vaults = vaults
        self.asset_rows = {asset: row for row, asset in enumerate(assets)}
        self.vault_rows = {vault: row for row, vault in enumerate(vaults)}
        self.accounts: NDArray[Any] = np.zeros((len(assets), 0), ACCOUNT_ROW)
        self.claims: NDArray[np.int64] = np.zeros((len(vaults), 0), np.int64)
        self.limits: NDArray[Any] = np.zeros((len(vaults), 0), LIMIT_ROW)
        self._shared: set[str] = set()
        """Arrays that a copy has too: changed only after they have been copied in turn."""

    def reserve(self, positions: int) -> None:
        """Make room for all positions."""
        for name in _ARRAYS:
            before = getattr(self, name)
            after = grown(before, positions)
            if after is not before:
                setattr(self, name, after)
                self._shared.discard(name)

    def copied(self) -> AccountTable:
        """Return a copy; each array is shared until either of the two changes it."""
        copy = AccountTable(self.assets, self.vaults)
        for name in _ARRAYS:
            setattr(copy, name, getattr(self, name))
        self._shared.update(_ARRAYS)
        copy._shared.update(_ARRAYS)
        return copy

    def own_accounts(self) -> NDArray[Any]:
        """Return the accounts by (asset row, position), to be changed."""
        return self._own("accounts")

    def own_claims(self) -> NDArray[np.int64]:
        """Return the claims by (vault row, position), to be changed."""
        return self._own("claims")

    def _own(self, name: str) -> NDArray[Any]:
        if name in self._shared:
            setattr(self, name, getattr(self, name).copy())
            self._shared.discard(name)
        array: NDArray[Any] = getattr(self, name)
        return array

    def account(self, position: Position, asset: AssetId) -> Any:
        """Return a member's account in an asset, to be read."""
        return self.accounts[self.asset_rows[asset], position]

    def add(self, position: Position, asset: AssetId, name: str, quanta: int) -> None:
        """Add to one field of a member's account."""
        self.own_accounts()[self.asset_rows[asset], position][name] += quanta

    def collateral(self, position: Position, asset: AssetId) -> int:
        """Quanta a member can lose: claims, final deposits, less what is held for release.

        A residual that it owes is no longer its own; one that it is owed is no claim yet.
        """
        account = self.account(position, asset)
        return int(
            account["claims"] + account["pending"] + min(0, account["residual"]) - account["held"]
        )

    def accept_limit(self, position: Position, limit: PlacementLimit) -> None:
        """Put a signed limit in force."""
        self._own("limits")[self.vault_rows[(limit.chain_id, limit.asset_id)], position] = (
            limit.maximum_quanta >> 64,
            limit.maximum_quanta & UINT64_MAX,
            limit.nonce,
            1,
        )

    def find_limit(self, position: Position, vault: Vault) -> tuple[int, int] | None:
        """Return (maximum quanta, nonce) of the limit in force, None where none was signed."""
        row = self.limits[self.vault_rows[vault], position]
        if not row["given"]:
            return None
        return (int(row["high"]) << 64) | int(row["low"]), int(row["nonce"])

    def accepts_asset(self, position: Position, asset: AssetId) -> bool:
        """Tell whether a member has signed a placement limit for the asset on any chain."""
        return any(
            vault[1] == asset and self.limits[row, position]["given"]
            for row, vault in enumerate(self.vaults)
        )

    def largest_claims(self, vault: Vault, positions: int) -> NDArray[np.int64]:
        """Return the largest claim that each member signed for, ``NO_LIMIT`` without a limit.

        Larger than 63 bits is the same as 63 bits: no vault ever owes more.
        """
        rows = self.limits[self.vault_rows[vault], :positions]
        is_large = (rows["high"] > 0) | (rows["low"] > INT64_MAX)
        largest = np.where(is_large, INT64_MAX, rows["low"] & np.uint64(INT64_MAX))
        return np.where(rows["given"] == 1, largest.astype(np.int64), NO_LIMIT)

    def claims_of(self, vault: Vault) -> dict[Position, int]:
        """Return the members' claims on a vault, zeros left out."""
        column = self.claims[self.vault_rows[vault]]
        (positions,) = np.nonzero(column)
        return {Position(int(p)): int(column[p]) for p in positions}

    def claims_total(self, vault: Vault) -> int:
        """Return what a vault owes by claims."""
        return int(self.claims[self.vault_rows[vault]].sum())
