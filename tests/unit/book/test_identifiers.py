"""Addresses as text."""

from __future__ import annotations

import pytest

from clearinghouse.book.identifiers import address_from_hex, to_hex


def test_address_from_hex_reads_any_case_when_well_formed() -> None:
    text = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert to_hex(address_from_hex(text)) == text.lower()
    assert address_from_hex(text[2:]) == address_from_hex(text.lower())


@pytest.mark.parametrize("text", ["", "0x", "0x" + "1" * 39, "0x" + "1" * 41, "0x" + "g" * 40])
def test_address_from_hex_raises_when_it_is_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        address_from_hex(text)


def test_address_from_hex_raises_when_there_is_space_in_it() -> None:
    with pytest.raises(ValueError):
        address_from_hex("0x" + "11" * 18 + " 11 ")
