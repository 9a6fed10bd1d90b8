"""Face boxes from the annotation files of the Korean emotion data set of AI-Hub.

What is assumed (the data set is given out in Korea only, so this was written from its public description): a JSON file
is a list of records; `filename` is the image's name without its folder; `annot_A`, `annot_B` and `annot_C` are three
annotators, each with `boxes` of `minX`, `minY`, `maxX`, `maxY` in pixels of the upright image. The first annotator who
drew a box with an area is taken. The text is UTF-8 or, as Korean Windows writes it, CP949. Everything else in a record
is ignored.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from reon_export.errors import DataError
from reon_export.faces.crop import Box

_ANNOTATORS = ("annot_A", "annot_B", "annot_C")


def read_boxes(content: bytes, name: str) -> Iterator[tuple[str, Box | None]]:
    """File name and face box of every record, one at a time: the whole list is never held as objects.

    Raises DataError if the file is no such list.
    """
    text = _decode(content, name)
    decoder = json.JSONDecoder()
    position = _skip_space(text, 0)
    if text[position : position + 1] != "[":
        raise DataError(
            f"{name} is not an annotation file: expected a JSON list of records with 'filename' and 'annot_A'"
        )
    position = _skip_space(text, position + 1)
    while text[position : position + 1] not in ("]", ""):
        try:
            record, position = decoder.raw_decode(text, position)
            yield str(record["filename"]), _find_box(record)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{name} is damaged near character {position}: "
                f"expected records with 'filename' and 'annot_A' ({error!r})"
            ) from error
        position = _skip_space(text, position)
        if text[position : position + 1] == ",":
            position = _skip_space(text, position + 1)
    if text[position : position + 1] != "]":
        raise DataError(f"{name} is cut off: its list of records has no end; copy or download it again")


def _decode(content: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(f"{name} is neither UTF-8 nor CP949 text; expected an annotation file in JSON")


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _find_box(record: dict[str, Any]) -> Box | None:
    for annotator in _ANNOTATORS:
        corners = (record.get(annotator) or {}).get("boxes")
        if corners:
            left, top, right, bottom = (float(corners[key]) for key in ("minX", "minY", "maxX", "maxY"))
            box = Box(left, top, right - left, bottom - top)
            if all(map(math.isfinite, box)) and box.width > 0 and box.height > 0:  # one slip must not stop the job
                return box
    return None
