"""Ethereum by its own sync committee: no prover, no node that must be believed.

::

    trusted block root --store--> current committee
    update --updates--> finalised beacon header, next committee --execution--> VerifiedHeader
       |        |    |
    beacon_json |  signing -- bls
    beacon_ssz  ssz, containers, forks, networks

``account_proof`` continues from a state root with a node's ``eth_getProof`` answer.

The rules are those of ethereum/consensus-specs, ``specs/{altair,capella,deneb,electra,gloas}/
light-client/sync-protocol.md``, with one left out: an update that is not final is never taken for
final, however long finality is missing.
"""
