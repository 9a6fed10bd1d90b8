"""Opening a file that somebody brings: only a file, never what merely has a name, and only so many bytes of it.

A named pipe without a writer blocks whoever opens it, a device never ends, and a file may grow while it is read.
Everything here raises OSError, whose `strerror` says what is wrong.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from reon_export.limits import RAISE_BYTES, max_bytes

_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a named pipe, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
}


def check_file(path: Path) -> int:
    """The bytes of a file; links are followed. Raises OSError for anything else."""
    try:
        status = path.stat()
    except ValueError as error:
        raise OSError(errno.EINVAL, "its name holds a zero byte", str(path)) from error
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is not None:
        raise OSError(errno.EINVAL, kind, str(path))
    return status.st_size


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; what is no file is refused before and after it is opened."""
    check_file(path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # another program may have put a pipe there since
    stream = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return stream


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """The whole of a file of at most `limit` bytes (by default `limits.max_bytes`)."""
    limit = max_bytes() if limit is None else limit
    with open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, at most {limit:,} are read; {RAISE_BYTES}", str(path))
        content = stream.read(size + 1)
    if len(content) > size:
        raise OSError(errno.EBUSY, "it is still being written: wait until it is complete", str(path))
    return content
