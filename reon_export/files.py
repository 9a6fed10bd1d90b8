"""Writes a file whole or not at all."""

import os
import tempfile
from pathlib import Path


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
