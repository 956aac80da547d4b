"""Hosts, people and services with their keys: stated in `inventory.yaml`, or derived from the tree."""

from sopsguard.inventory.holders import (
    Holder,
    HostKey,
    How,
    Inventory,
    Kind,
    Known,
    Recipient,
    SigningKey,
    Source,
    Statement,
    WireGuard,
    folded,
    trusting,
)
from sopsguard.inventory.readers import reader

__all__ = [
    "Holder",
    "HostKey",
    "How",
    "Inventory",
    "Kind",
    "Known",
    "Recipient",
    "SigningKey",
    "Source",
    "Statement",
    "WireGuard",
    "folded",
    "reader",
    "trusting",
]
