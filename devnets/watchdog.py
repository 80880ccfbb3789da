"""Kill a devnet's chains when the process that started them is gone, however it went.

Run as a script, by the harness, as the leader of its own process group, which the chains join.
Its standard input is a pipe that only the harness holds open: the kernel closes it when the
harness ends, also by SIGKILL, which no handler of the harness would survive. Then the whole group
goes, this process with it. Unlike a parent-death signal this works wherever there are process
groups, and no process id is remembered that could have been given to somebody else.
"""

import os
import signal
import sys

if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
