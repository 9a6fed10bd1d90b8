"""Files and folders that are made whole or not at all: beside their place first, then moved into it."""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reon_export.errors import FolderError


def replace_file(path: Path, content: bytes) -> None:
    """Write beside `path`, then move into place: a reader never sees half a file. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(temporary).chmod(0o644)  # mkstemp makes it 0600; results are there to be read by others
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path, check: Callable[[Path], None]) -> Iterator[Path]:
    """A fresh folder that takes the place of `target` when the block ends well, and vanishes when it does not.

    The old folder stays whole until the new one is complete, then both change places in one step of the file system
    where it has one (Linux, macOS): a process killed at any moment leaves the one or the other.
    `check` raises if `target` is there and may not be replaced: it may be somebody's work. Raises FolderError.
    """
    check(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    with working_folder(target) as fresh:
        yield fresh
        fresh.chmod(0o755)
        if target.exists():
            _exchange(fresh, target)
        else:
            fresh.rename(target)


@contextmanager
def working_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`. What a killed build leaves of it is cleared by the next build."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_building_prefix(target)}{os.getpid()}-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _building_prefix(target: Path) -> str:
    return f".{target.name}.building-"


def _remove_abandoned(target: Path) -> None:
    """Clear what builds that were killed left behind; a build that still runs is left alone."""
    prefix = _building_prefix(target)
    for leftover in target.parent.glob(f"{prefix}*"):
        owner = leftover.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not _is_running(int(owner)):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _exchange(fresh: Path, target: Path) -> None:
    if _exchange_at_once(fresh, target):
        return
    # A file system without an exchanging rename: for the moment between two renames the old folder is at `aside`.
    aside = target.with_name(f".{target.name}.previous")
    shutil.rmtree(aside, ignore_errors=True)
    target.rename(aside)
    fresh.rename(target)
    shutil.rmtree(aside)


def _exchange_at_once(fresh: Path, target: Path) -> bool:
    """renameat2(RENAME_EXCHANGE) of Linux or renamex_np(RENAME_SWAP) of macOS; False where there is neither."""
    libc = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(fresh), os.fsencode(target)
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        at_fdcwd, rename_exchange = -100, 2
        status = libc.renameat2(at_fdcwd, old, at_fdcwd, new, rename_exchange)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        rename_swap = 2
        status = libc.renamex_np(old, new, rename_swap)
    else:
        return False
    if status == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise FolderError(f"cannot put {target} in place: {os.strerror(code)}")
