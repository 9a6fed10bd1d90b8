"""What a command may write over: only what an earlier run of it put there. Everything else is somebody's work.

`atomic.py` moves things into place; here it is decided whether they may go there.
"""

import json
import os
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from reon_export.atomic import replace_file
from reon_export.errors import FolderError, ReonExportError
from reon_export.limits import max_text_bytes
from reon_export.read_file import read_bytes

# What file managers put into any folder that is looked at.
_NOBODYS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class OwnFolder:
    """A kind of folder that is replaced as a whole.

    Attributes:
        name: Like "a model folder".
        option: The option of the command line that names it, like --out.
        record: The file in it that lists the others.
        list_files: The paths in a folder, with /, that its record lists. Raises a ReonExportError, OSError or
            ValueError if there is no usable record.
    """

    name: str
    option: str
    record: str
    list_files: Callable[[Path], Collection[str]]


@dataclass(frozen=True)
class OwnFiles:
    """The files that a command writes into a folder of the user's.

    Attributes:
        option: The option of the command line that names the folder, like --out.
        record: The one of them that tells whose they all are.
        names: All of them.
        is_ours: Whether a record is one that the command wrote.
    """

    option: str
    record: str
    names: tuple[str, ...]
    is_ours: Callable[[Path], bool]

    def check(self, folder: Path) -> None:
        """Raise FolderError if a file of one of the names is in `folder` that no earlier run wrote."""
        check_parent(folder / self.record, self.option)
        mode = _find_mode(folder, self.option, follow=True)
        if mode is not None and not stat.S_ISDIR(mode):
            raise FolderError(f"{self.option} {folder} is not a folder; choose another one")
        there = [name for name in sorted(self.names) if os.path.lexists(folder / name)]
        if there and not self.is_ours(folder / self.record):
            raise FolderError(
                f"{folder} holds {there[0]}, which no earlier run wrote (there is no {self.record} of one); it was "
                f"left as it is, choose another {self.option}"
            )

    def write(self, folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
        """Check again and write each file whole; their paths come back, in order. Raises FolderError."""
        self.check(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                replace_file(folder / name, content)
        except OSError as error:
            raise FolderError(f"cannot write into {folder}: {_reason(error)}; choose another {self.option}") from error
        return [folder / name for name in contents]


def check_replaceable(target: Path, kind: OwnFolder) -> None:
    """Raise FolderError unless nothing is at `target`, or an empty folder, or only files that its own record lists.

    Also raised if nothing could be put there. Nothing is changed.
    """
    earlier = f"give {kind.option} a folder that is new, empty or {kind.name}"
    check_parent(target, kind.option)
    mode = _find_mode(target, kind.option)
    if mode is None:
        return
    if not stat.S_ISDIR(mode):
        raise FolderError(f"{target} is not a plain folder; {earlier}")
    if Path.cwd().is_relative_to(target.resolve()):
        raise FolderError(f"{kind.option} {target} is the folder that you are in, or one above it; {earlier}")
    check_only_own_files(target, target, kind)


def check_only_own_files(folder: Path, shown: Path, kind: OwnFolder) -> None:
    """Raise FolderError if `folder` holds a file that its record does not list; `shown` is what the error calls it."""
    files = list_files(folder)
    if not files:
        return
    kept = f"it was left as it is, choose another {kind.option}"
    try:
        own = {kind.record, *kind.list_files(folder)}
    except (ReonExportError, OSError, ValueError) as error:
        state = "usable" if (folder / kind.record).exists() else "there"
        raise FolderError(
            f"{shown} is not empty and not {kind.name} (its {kind.record} is not {state}); {kept}"
        ) from error
    foreign = [name for name in files if name not in own]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise FolderError(
            f"{shown} holds {foreign[0]}{more}, which no build put there; it was left as it is, move that away or "
            f"choose another {kind.option}"
        )


def check_parent(target: Path, option: str) -> None:
    """Raise FolderError if there can be nothing at `target`, because of its name or of what is above it."""
    try:
        place = target.absolute().parent
        above = next(folder for folder in (place, *place.parents) if folder.exists())
        is_usable = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise FolderError(f"{option} {target} cannot be used: {_reason(error)}; choose another place") from error
    if not is_usable:
        raise FolderError(f"{option} {target} cannot be written: {above} is not a folder that you may write to")


def check_inputs_apart(target: Path, option: str, inputs: Mapping[str, Path | None]) -> None:
    """Raise FolderError if something that is read, by what it is called, lies in a folder that will be replaced."""
    place = target.resolve()
    for name, path in inputs.items():
        if path is not None and path.resolve().is_relative_to(place):
            raise FolderError(
                f"{option} {target} would be replaced, and {name} ({path}) lies inside it; choose another {option}"
            )


def has_format(path: Path, expected: str) -> bool:
    """Whether a file is a JSON object whose `format` is the expected one."""
    try:
        content = json.loads(read_bytes(path, max_text_bytes()))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("format") == expected


def _find_mode(path: Path, option: str, *, follow: bool = False) -> int | None:
    """The kind and rights of what is at `path`, None if nothing is."""
    try:
        return path.stat().st_mode if follow else path.lstat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FolderError(f"{option} {path} cannot be used: {_reason(error)}; choose another place") from error


def list_files(folder: Path) -> list[str]:
    """Everything below that is not a folder, links too, by path with /."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths if path.name not in _NOBODYS)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
