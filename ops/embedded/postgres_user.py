"""Whom PostgreSQL runs as: it refuses root."""

import os
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path

from ops.child import User
from ops.embedded.errors import ServerError

# Both exist without our doing: the first where PostgreSQL was ever installed, the second everywhere.
_CANDIDATES = ("postgres", "nobody")


def postgres_user(cluster: Path, needed: Iterable[Path]) -> User | None:
    """None for an ordinary user, who runs PostgreSQL as himself; for root the user to become.

    That is the owner of the cluster where there is one already. Where that user could not get to one of the `needed`
    paths (a checkout under a closed home folder), he is given the right to pass, instead of the folders being opened.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        owner = cluster.stat()
        uid, gid = owner.st_uid, owner.st_gid
    else:
        uid, gid = _ids()
    return User(uid, gid, reach=not all(_reaches(uid, gid, path) for path in needed))


def _ids() -> tuple[int, int]:
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise ServerError(f"PostgreSQL does not run as root, and there is none of the users {', '.join(_CANDIDATES)} here")


def _reaches(uid: int, gid: int, path: Path) -> bool:
    test = ["/usr/bin/env", "test", "-x", str(path)]
    return subprocess.run(test, user=uid, group=gid, extra_groups=[], cwd="/", check=False).returncode == 0
