"""Becomes a server: drops root, ties its life to the process that asked for it, and executes the server in its place.

Run by path as a process of its own (child.py), because doing this between fork and exec of a process with threads is
what newer Pythons warn of. Arguments: the parent's pid, the signal to get when the parent dies, user id, group id
(`-`: stay who we are), then the server's command.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Execute the command; only returns by leaving the process."""
    parent, death_signal, uid, gid, *argv = sys.argv[1:]
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    # After the change of user, which clears it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            sys.exit("The process that asked for this server is gone.")
    os.execv(argv[0], argv)  # noqa: S606 - the command is ours, and a shell is what we avoid


if __name__ == "__main__":
    main()
