"""The text of a file that people wrote or a tool exported, in the encodings that such files have."""

import codecs
from pathlib import Path
from typing import Final

from reon_export.limits import max_text_bytes
from reon_export.read_file import read_bytes

# Byte order marks. UTF-32's come before UTF-16's, which they begin with.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
KOREAN: Final = "cp949"


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, UTF-16 or UTF-32 by its byte order mark, plain UTF-8, or Korean (see `decode_text`).

    Raises:
        UnicodeError: It is none of these; the message says what to do.
        OSError: The file cannot be read, is no file, or is too large.
    """
    return decode_text(read_bytes(path, max_text_bytes()))[0]


def decode_text(content: bytes) -> tuple[str, str]:
    """The text with single newlines as line ends, and the name of its encoding.

    CP949 is taken only for bytes that are not UTF-8 and of which all beyond ASCII are Hangul syllables of KS X 1001:
    no other encoding of Europe or Japan decodes to these, and one of Chinese seldom does.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is not None:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            raise UnicodeError(f"expected {encoding} text, as its first bytes promise: save it as UTF-8") from error
    else:
        text, encoding = _decode_without_mark(content)
    if "\0" in text:
        raise UnicodeError("expected text, got zero bytes: save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _decode_without_mark(content: bytes) -> tuple[str, str]:
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        try:
            text = content.decode("euc-kr")  # the part of CP949 that is KS X 1001
        except UnicodeDecodeError:
            text = "?"
        if all(character.isascii() or "가" <= character <= "힣" for character in text) and not text.isascii():
            return text, KOREAN
        raise UnicodeError("expected UTF-8 text: save it as UTF-8") from error
