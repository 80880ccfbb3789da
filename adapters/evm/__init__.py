"""Chains of the Ethereum family: read, prove, send, deploy.

``reader`` asks a node and believes only what hashes to something known; ``prover`` turns its
answers into proven statements; ``sender`` gets transactions included; ``adapter`` is the three
together behind ``adapters.base.ChainAdapter``; ``deployer`` puts a clearinghouse on its chains.
"""
