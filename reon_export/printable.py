"""Text from outside, made safe to show: names of files and tensors, labels and metadata may hold anything.

A control character moves a terminal's cursor, changes its title or hides a line; a direction mark makes a name read
otherwise than it is; a line break forges a second line.
"""

import re
import shlex
from pathlib import Path
from typing import Final

from rich.markup import escape as escape_markup

_JOINERS: Final = "\u200c\u200d"  # invisible, but part of how Persian words and many emoji are written
_BREAKS: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"


def make_printable(text: str, keep: str = "") -> str:
    r"""The text with every character that shows nothing, or moves what is shown, written as in Python: \x1b, \u202e.

    Spaces of every kind stay, and so does what is in `keep`.
    """
    return "".join(character if _is_shown(character) or character in keep else _escape(character) for character in text)


def quote_for_shell(text: str) -> str:
    """One word for a POSIX shell; where that cannot be printed, in the form $'…' of bash and zsh."""
    if all(map(_is_shown, text)):
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in escaped) + "'"


def escape(text: str) -> str:
    """One line for rich: no control characters, no line breaks, no markup."""
    return escape_markup(make_printable(text))


def escape_argument(path: Path) -> str:
    """A path as one word of a command to be pasted, for rich."""
    return escape_markup(quote_for_shell(str(path)))


def escape_markdown(text: str) -> str:
    """Text as it is, in GitHub's Markdown: no markup, no HTML, no second line, nobody called by name."""
    one_line = make_printable(" ".join(text.split()))
    escaped = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]~#|])", r"\\\1", escaped).replace("@", "@\u200b")


def _is_shown(character: str) -> bool:
    # Not printable to Python: control and format characters, surrogates, unassigned ones, and separators but the space.
    return character.isprintable() or character in _JOINERS or (character.isspace() and character not in _BREAKS)


def _escape(character: str) -> str:
    return repr(character)[1:-1]
