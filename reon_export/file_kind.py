"""What a file seems to be by its first bytes, in words, for the error about a file that is not what it should be."""

from typing import Final

_KINDS: Final = {
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF file",
    b"\x89HDF": "an HDF5 file (Keras)",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive",
    b"Rar!": "a RAR archive",
    b"version https://git-lfs": "a Git LFS pointer (`git lfs pull` fetches the real file)",
    b"\0\5\x16\7": "a file of macOS' metadata",
}
# Brands of ISO/IEC 23008-12 for pictures; those of sequences (hevc, msf1, avis) are videos.
_HEIC: Final = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_TEXT: Final = bytes(range(32, 127)) + b"\t\n\r"


def name_kind(head: bytes) -> str | None:
    """The kind of a file with its article, such as "a web page (a download that went wrong)"; None if unknown.

    Args:
        head: Its first bytes; a few hundred tell every kind.
    """
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            return kind
    if head[4:8] == b"ftyp":
        if head[8:12] in _HEIC:
            return "a HEIC image, as iPhones take them (convert it to JPEG)"
        return "an AVIF image (convert it to JPEG)" if head[8:12] == b"avif" else "a video or sound file (MP4)"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page (a download that went wrong)"
    if start.startswith((b"<svg", b"<?xml")):
        return "an SVG or XML file"
    return "a text file" if head and not head.translate(None, _TEXT) else None
