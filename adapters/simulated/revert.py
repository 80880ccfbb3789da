"""How a simulated contract refuses."""

from __future__ import annotations

from typing import NoReturn

from clearinghouse.book.identifiers import Address, to_hex


class Reverted(Exception):
    """A contract's custom error, by the name and arguments that the Solidity source gives it."""

    def __init__(self, error: str, arguments: tuple[object, ...]) -> None:
        super().__init__(f"{error}{arguments}")
        self.error = error
        self.arguments = arguments


def revert(error: str, *arguments: object) -> NoReturn:
    """Refuse the call; nothing that it did remains.

    Raises
    ------
    Reverted
        Always. Addresses stand as hex text, as ABI decoders give them.
    """
    raise Reverted(error, arguments)


def shown(address: Address) -> str:
    """Return an address as it stands in a decoded error."""
    return to_hex(address)
