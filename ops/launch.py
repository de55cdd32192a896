"""Becomes the given program, after it has tied itself to its parent's life and given up root where told.

Run as a script, by path, with the standard library alone. It is a process of its own instead of a `preexec_fn` because
Python code between fork and exec can deadlock in a process that has threads, and every gRPC process has some.
"""

import argparse
import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def _capset(libc: ctypes.CDLL, capability: int) -> bool:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    return bool(libc.capset(header, sets) == 0)


def _become(user: int, group: int, reach: bool) -> None:
    libc = ctypes.CDLL(None) if reach else None
    if libc:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if libc and (capability := next((c for c in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if _capset(libc, c)), None)):
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _die_with(parent: int, number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"launch: the parent {parent} died before the program was started")


def main() -> None:
    """Reads its options, then replaces itself: the pid stays, nothing of Python remains."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True, help="what the program gets when the parent dies")
    parser.add_argument("--user", help="numeric uid:gid to become")
    parser.add_argument("--reach", action="store_true", help="keep the right to pass folders closed to that user")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.user:
        user, group = map(int, options.user.split(":"))
        _become(user, group, options.reach)
    # After _become: the kernel forgets the parent-death signal whenever the user changes.
    _die_with(options.parent, options.signal)
    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
