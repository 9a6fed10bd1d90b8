"""Nothing from outside moves a cursor, forges a line or reads otherwise than it is."""

import subprocess

import pytest

from reon_export.printable import escape_markdown, make_printable, quote_for_shell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07gone", r"\x1b[2J\x07gone"),
        ("ab\x9b31mc", r"ab\x9b31mc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u2066b\u200f", r"a\u2066b\u200f"),
        ("one\ntwo\r\u2028", r"one\ntwo\r\u2028"),
        ("\udcff.png", r"\udcff.png"),
        ("\ufefffirst", r"\ufefffirst"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("기쁨 😀 é\u3000한글", "기쁨 😀 é\u3000한글"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
)
def test_what_shows_nothing_is_written_out(text: str, shown: str) -> None:
    assert make_printable(text) == shown


def test_what_is_kept_is_kept() -> None:
    assert make_printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize("name", ["plain", "two words", "it's", "$(touch x)", "a\x1bb'\\", "line\nbreak", "한글 폴더"])
def test_a_quoted_name_is_one_word_of_bash_and_can_be_printed(name: str) -> None:
    quoted = quote_for_shell(name)
    assert make_printable(quoted) == quoted
    said = subprocess.run(["/bin/bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True)
    assert said.stdout == name.encode()


def test_markdown_is_text() -> None:
    assert escape_markdown("<b>|*a*\x1b\n@you") == "&lt;b&gt;\\|\\*a\\*\\\\x1b @\u200byou"
