"""Rollups through L1: which header of a rollup L1 has made final, and who attested another.

::

    L1 VerifiedHeader --l1_contract--> storage of the rollup's contracts on L1
                                          | opstack, nitro: root posted, decided, not taken back
                                          v
    rollup header RLP ----------> rollup VerifiedHeader --history--> hash of an earlier block
                                                          | audit: an attestation of another hash
                                                          v
                                                     who loses its bond

The contracts in ``contracts/src/light/rollup`` decide the same from the same bytes.
"""
