"""Recorded and synthetic markets as input: read, check, convert to the ledger's integers."""
