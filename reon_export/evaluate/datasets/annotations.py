"""Face boxes and labels from the annotation files of the Korean emotion data set of AI-Hub.

The data set is given out in Korea only; its format is taken from the public description and from published code that
reads it. A JSON file is a list of records; `filename` is the image's name, sometimes behind a folder; `annot_A`,
`annot_B` and `annot_C` (or `faceBB_A` and so on) are three annotators. Each has `boxes` of `minX`, `minY`, `maxX`,
`maxY` in pixels of the upright image, and names the emotion that it saw in `faceExp` (or `label`). An annotator whose
corners are missing, null, empty or without area drew no box; the first who drew one is taken. The text is UTF-8,
UTF-16 or, as Korean Windows writes it, CP949. Everything else in a record is ignored.
"""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reon_export.errors import DataError
from reon_export.faces.crop import Box
from reon_export.text_file import decode_text

_ANNOTATORS = tuple(f"{name}_{letter}" for name in ("annot", "faceBB") for letter in "ABC")
_CORNERS = ("minX", "minY", "maxX", "maxY")
_EMPTY = frozenset({"", "null", "none"})  # corners as tables write them


@dataclass(frozen=True)
class Annotation:
    """One image: its name in the file, the face box in pixels, if any, and the emotion that each annotator saw."""

    file: str
    box: Box | None
    votes: tuple[str, ...] = ()

    @property
    def majority(self) -> str | None:
        """The emotion that more than half of the annotators saw, if there is one."""
        emotion, count = Counter(self.votes).most_common(1)[0] if self.votes else ("", 0)
        return emotion if 2 * count > len(self.votes) else None


def read_annotations(content: bytes, name: str) -> Iterator[Annotation]:
    """Every record, one at a time: the whole list is never held as objects.

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
            yield _read_record(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
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
    try:
        return decode_text(content)[0]
    except UnicodeError:
        pass
    try:  # file names may hold Chinese characters as well as Hangul
        return content.decode("cp949")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is neither UTF-8 nor CP949 text; expected an annotation file in JSON") from error


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _read_record(record: Mapping[str, object]) -> Annotation:
    annotators = [value for name in _ANNOTATORS if isinstance(value := record.get(name), Mapping)]
    boxes = [_read_box(annotator) for annotator in annotators]
    votes = [_read_vote(annotator) for annotator in annotators]
    box = next((box for box in boxes if box is not None), None)
    return Annotation(str(record["filename"]), box, tuple(vote for vote in votes if vote))


def _read_box(annotator: Mapping[str, object]) -> Box | None:
    corners = annotator.get("boxes")
    if not corners or not isinstance(corners, Mapping):
        return None
    if not any(name in corners for name in _CORNERS):
        return None  # `faceBB_A` keeps the label there, drawn or not
    values = [corners[name] for name in _CORNERS]
    if any(value is None or (isinstance(value, str) and value.strip().lower() in _EMPTY) for value in values):
        return None
    left, top, right, bottom = (float(str(value)) for value in values)
    box = Box(left, top, right - left, bottom - top)
    return box if all(map(math.isfinite, box)) and box.width > 0 and box.height > 0 else None


def _read_vote(annotator: Mapping[str, object]) -> str:
    boxes = annotator.get("boxes")
    inner = boxes.get("label") if isinstance(boxes, Mapping) else None
    vote = annotator.get("faceExp") or annotator.get("label") or inner
    return vote if isinstance(vote, str) else ""


@dataclass
class AnnotationIndex:
    """Annotations by the name of their image, however each side writes it.

    Names are joined without their folders, and `&`, `_` and a slash of either kind count as the same: unpacking
    replaces the signs that a file name may not hold, and some lists put a folder before the name. Case, Unicode
    normalisation and .jpg or .jpeg do not matter. A name that fits two records with different content fits neither.
    """

    _by_name: dict[str, Annotation | None] = field(default_factory=dict)
    example: str = ""

    def add(self, annotation: Annotation) -> None:
        """Put an annotation under its whole name, and under the name behind each of its folders."""
        self.example = self.example or annotation.file
        parts = annotation.file.replace("\\", "/").split("/")
        for start in range(len(parts)):
            name = join_name("_".join(parts[start:]))
            known = self._by_name.setdefault(name, annotation)
            if known is not None and (known.box, known.votes) != (annotation.box, annotation.votes):
                self._by_name[name] = None

    def find(self, file_name: str) -> Annotation | None:
        """The annotation of an image, by its name on disk without its folder."""
        return self._by_name.get(join_name(file_name))


def join_name(name: str) -> str:
    """A file name as it is joined; see `AnnotationIndex`."""
    text = unicodedata.normalize("NFC", name).casefold()
    stem, dot, suffix = text.rpartition(".")
    text = f"{stem}{dot}{'jpg' if suffix == 'jpeg' else suffix}"
    return text.translate(str.maketrans("&/\\", "___"))
