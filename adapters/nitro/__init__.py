"""Arbitrum Nitro chains: live by bonded attesters, audited through the Outbox on their L1."""
