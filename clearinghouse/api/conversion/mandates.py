"""Mandates."""

from __future__ import annotations

from clearinghouse.api.conversion.fields import address_of, fitting, submessage_of
from clearinghouse.book.identifiers import InstrumentId
from clearinghouse.book.mandates import Mandate
from clearinghouse.v1 import mandates_pb2


def mandate_to_message(mandate: Mandate) -> mandates_pb2.Mandate:
    """Return the message of a mandate."""
    with fitting("mandate"):
        return mandates_pb2.Mandate(
            member=mandate.member,
            delegate=mandate.delegate,
            venue=mandate.venue,
            instrument_id=mandate.instrument,
            maximum_order_notional=mandate.maximum_order_notional,
            maximum_total_notional=mandate.maximum_total_notional,
            minimum_sell_price=mandate.minimum_sell_price,
            expiry=mandate.expiry,
            nonce=mandate.nonce,
        )


def mandate_from_message(message: mandates_pb2.Mandate) -> Mandate:
    """Return the mandate of a message."""
    return Mandate(
        member=address_of("member", message.member),
        delegate=address_of("delegate", message.delegate),
        venue=address_of("venue", message.venue),
        instrument=InstrumentId(message.instrument_id),
        maximum_order_notional=message.maximum_order_notional,
        maximum_total_notional=message.maximum_total_notional,
        minimum_sell_price=message.minimum_sell_price,
        expiry=message.expiry,
        nonce=message.nonce,
    )


def signed_mandate_to_message(mandate: Mandate, signature: bytes) -> mandates_pb2.SignedMandate:
    """Return the message of a mandate with its member's signature."""
    with fitting("signature"):
        return mandates_pb2.SignedMandate(mandate=mandate_to_message(mandate), signature=signature)


def signed_mandate_from_message(message: mandates_pb2.SignedMandate) -> tuple[Mandate, bytes]:
    """Return the mandate and the signature."""
    return mandate_from_message(submessage_of(message, "mandate")), message.signature
