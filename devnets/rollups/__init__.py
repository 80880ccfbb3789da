"""Rollups of a devnet: anvils whose roots are posted to an L1 anvil, in the real storage layouts.

``contracts`` puts what they post to on the L1, ``poster`` posts, and ``nitro_front`` gives an anvil
the headers of a Nitro chain.
"""
