"""Chains whose finalised headers a committee of attesters signs.

``attester`` signs and publishes, ``source`` reads what was published, ``finality`` believes only
what verifies and never two histories, ``client`` encodes for the contract.
"""
