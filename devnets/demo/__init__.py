"""The main job, end to end, on a devnet: a tape in, final settlements on every chain out.

It is a user of the clearinghouse like any other: it starts ``clearinghouse serve`` as a process of
its own and speaks to it through ``clearinghouse.api.client`` alone.
"""
