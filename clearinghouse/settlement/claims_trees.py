"""The claims trees of all vaults, kept between cycles so that only what changed is hashed again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import Vault
from clearinghouse.book.growth import grown
from clearinghouse.commitment.sum_tree import SumTree, claim_leaves
from clearinghouse.commitment.trees import Node


class ClaimsTrees:
    """One tree per vault, moved from the claims it was last asked for to those asked for now.

    So it does not matter whether a settlement in between was committed or aborted. For one thread.
    """

    def __init__(self) -> None:
        self._trees: dict[Vault, SumTree] = {}
        self._standing: dict[Vault, NDArray[np.int64]] = {}
        """The claims that each tree has."""

    def get_root(self, vault: Vault, members: NDArray[np.uint8], claims: NDArray[np.int64]) -> Node:
        """Return the root of a vault's claims: quanta by position, owners as uint8[n, 20]."""
        tree = self._trees.setdefault(vault, SumTree())
        standing = grown(self._standing.get(vault, np.zeros(0, np.int64)), len(claims))
        (changed,) = np.nonzero(standing[: len(claims)] != claims)
        tree.set_leaves(changed, claim_leaves(members[changed], claims[changed]))
        standing[changed] = claims[changed]
        self._standing[vault] = standing
        return tree.root
