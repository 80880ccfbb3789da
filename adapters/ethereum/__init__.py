"""Ethereum followed by its own sync committees: what the light client contract is fed with."""
