"""A beacon chain beside an anvil: real SSZ, real BLS signatures, as little state as proofs touch.

``validators`` have keys and form sync committees; ``chain`` makes blocks over execution blocks, and
of what the committees sign light client updates; ``node`` follows an anvil and publishes them.
Two things differ from Ethereum, and no light client can tell: a block is final as soon as the
execution chain holds it final, not two epochs later, and the parts of states and bodies that no
proof leads to are zero.
"""
