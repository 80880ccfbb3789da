"""Deterministic chains in memory, for tests and simulations.

``anchor`` and ``light_client`` are readable reference models of the contracts, with the same checks
in the same order and the same error names; ``chain`` gives them blocks, real tries, headers and
faults; ``adapter`` puts them behind ``adapters.base.ChainAdapter``, with every proof genuine and
verified exactly as an EVM chain's.
"""
