"""Whether a WebM or Matroska file is all there, by its own sizes. Mirrored by web_demo/js/clips/matroska.js.

Such a file states when the whole ends, and not when its picture does: a last picture that is held for a while, or sound
that goes on, looks like frames that are missing. Its sizes tell the two apart.
"""

from pathlib import Path
from typing import Final

from reon_export.read_file import open_file

# Element identifiers (RFC 9559, 5.1; RFC 8794, 11.2.1)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_HEAD_BYTES: Final = 4096
_TAIL_BYTES: Final = 1024


def is_complete(path: Path) -> bool:
    """Whether the segment states a size that the file has, and does not end in zeros, as a broken download may.

    False for any other kind of file, and for a recording whose segment states no size.
    """
    with open_file(path) as stream:
        head = stream.read(_HEAD_BYTES)
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read()
    if not head.startswith(_EBML):
        return False
    header_bytes, body = _read_size(head, len(_EBML))
    at = len(_EBML) + header_bytes + (body or 0)
    if body is None or head[at : at + 4] != _SEGMENT:
        return False
    header_bytes, body = _read_size(head, at + 4)
    return body is not None and at + 4 + header_bytes + body <= size and any(tail)


def _read_size(content: bytes, at: int) -> tuple[int, int | None]:
    """The length of an element's size field in bytes, and the size; None if it is unknown (RFC 8794, 6)."""
    length = 9 - content[at].bit_length() if at < len(content) and content[at] else 0
    value = int.from_bytes(content[at : at + length], "big") & ((1 << 7 * length) - 1)
    return length, None if length == 0 or value == (1 << 7 * length) - 1 else value
