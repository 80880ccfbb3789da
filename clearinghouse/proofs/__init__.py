"""What we believe: bytes from nodes and relayers, verified before anything else sees them.

Pure functions from untrusted bytes and a trusted value to a fact, or to ``ProofInvalid``::

    attestation --committee--> VerifiedHeader --state--> word --anchor_layout--> phase, deposit
                    |                            |
                  quorum, header               trie
                             `------ rlp -------'
"""
