"""Names in zip archives that were packed on Korean Windows, which does not mark its encoding."""

import zipfile
from typing import Any, Final

_ENCODINGS: Final = ("utf-8", "cp949")
_UTF8_FLAG: Final = 0x800  # of a member whose name is UTF-8 (APPNOTE 4.4.4)


def decode_zip_names(files: Any) -> None:
    """Give fsspec's view of a zip archive the names that its members really have; does nothing to other views.

    Python reads a name without the flag as CP437. If all such names of an archive are UTF-8 (macOS) or CP949 (Korean
    Windows), they are read as that; of a mixed archive, each name as the first of the two that it is, if any.
    """
    archive = getattr(files, "zip", None)
    if not isinstance(archive, zipfile.ZipFile) or archive.mode != "r" or archive.fp is None:
        return
    unmarked = [info.orig_filename for info in archive.infolist() if not info.flag_bits & _UTF8_FLAG]
    names = [name.encode("cp437", "replace") for name in unmarked if not name.isascii()]
    encoding = next((encoding for encoding in _ENCODINGS if _decodes(names, encoding)), None)
    if names and encoding is not None:
        files.zip = zipfile.ZipFile(archive.fp, metadata_encoding=encoding)
    elif names:
        _decode_each(archive)


def _decode_each(archive: zipfile.ZipFile) -> None:
    for info in archive.infolist():
        if info.flag_bits & _UTF8_FLAG or info.orig_filename.isascii():
            continue
        name = info.filename.encode("cp437", "replace")
        encoding = next((encoding for encoding in _ENCODINGS if _decodes([name], encoding)), None)
        if encoding is not None:
            # Not orig_filename: zipfile compares that with the member's own header when it opens it.
            archive.NameToInfo.pop(info.filename, None)  # an archive may hold a name twice
            info.filename = name.decode(encoding)
            archive.NameToInfo[info.filename] = info


def _decodes(names: list[bytes], encoding: str) -> bool:
    try:
        for name in names:
            name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
