"""Files and folders that are made whole or not at all: beside their place first, then moved into it."""

import ctypes
import errno
import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reon_export.errors import FolderError

_STARTING_S = 60.0  # for so long, a folder that is not locked may belong to a process that has just made it
_ASIDE = "old"


@dataclass(frozen=True)
class Workplace:
    """`folder` is what will take the target's place; `scratch`, beside it, is for files that vanish afterwards."""

    folder: Path
    scratch: Path


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
def replacing_folder(target: Path, check: Callable[[Path, Path], None]) -> Iterator[Workplace]:
    """A fresh folder that takes the place of `target` when the block ends well, and vanishes when it does not.

    The old folder stays whole until the new one is complete, then both change places in one step of the file system
    where it has one (Linux, macOS): a process killed at any moment leaves the one or the other.

    `check(folder, shown)` raises if `folder` may not be given up, since it may be somebody's work; `shown` is what its
    error calls it. It is asked at first, before the exchange, and about the old folder after it, which goes back to its
    place if somebody has put a file there meanwhile. Raises FolderError.
    """
    with _explained(target):
        if target.exists():
            check(target, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
    with _locked_folder(target) as outer:
        place = Workplace(outer / "new", outer / "scratch")
        with _explained(target):
            place.folder.mkdir()
            place.folder.chmod(0o755)  # whatever the umask: it is there to be served
            place.scratch.mkdir()
        yield place
        with _explained(target):
            _put_in_place(place.folder, target, check)


def _put_in_place(fresh: Path, target: Path, check: Callable[[Path, Path], None]) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    check(target, target)
    _exchange(fresh, target)
    try:
        check(fresh, target)
    except FolderError:
        _exchange(fresh, target)
        raise


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Errors of the file system, in one line."""
    try:
        yield
    except OSError as error:
        raise FolderError(f"cannot make {target}: {error.strerror}; choose another place") from error


@contextmanager
def _locked_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`. What a killed process leaves of it is cleared by the next one."""
    with _explained(target):
        folder = Path(tempfile.mkdtemp(prefix=f"{_prefix(target)}{os.getpid()}-", dir=target.parent))
        lock = os.open(folder, os.O_RDONLY)  # the system takes the lock back when the process ends, however it ends
    try:
        _try_to_lock(lock)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _prefix(target: Path) -> str:
    return f".{target.name}.building-"


def _remove_abandoned(target: Path) -> None:
    """Clear what killed processes left behind, after putting a folder back that one of them had put aside.

    What belongs to a process that still runs is left alone.
    """
    prefix = _prefix(target)
    for leftover in target.parent.iterdir():
        if leftover.name.startswith(prefix) and leftover.is_dir() and not leftover.is_symlink():
            owner = leftover.name.removeprefix(prefix).split("-")[0]
            is_young = time.time() - leftover.stat().st_mtime < _STARTING_S
            if not (_is_locked(leftover) or (is_young and _is_running(owner))):
                if not target.exists() and (leftover / _ASIDE).is_dir():
                    (leftover / _ASIDE).rename(target)
                shutil.rmtree(leftover, ignore_errors=True)


def _is_locked(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return True  # another user's
    try:
        return not _try_to_lock(handle)
    finally:
        os.close(handle)


def _try_to_lock(handle: int) -> bool:
    """False if another process holds the lock, or the file system has none."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_running(owner: str) -> bool:
    if not (owner.isascii() and owner.isdigit()):
        return False
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _exchange(fresh: Path, target: Path) -> None:
    if _exchange_at_once(fresh, target):
        return
    # A file system without an exchanging rename: for the moment between two renames the old folder is at `aside`.
    aside = fresh.with_name(_ASIDE)
    target.rename(aside)
    fresh.rename(target)
    aside.rename(fresh)


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
