"""Chains of the OP Stack: live by bonded attesters, audited through output roots on their L1."""
