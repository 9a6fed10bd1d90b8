"""Labels from what people give: `reon`, `a,b,c`, or a file in one of the forms that training scripts write."""

import ast
import csv
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reon_export.errors import SpecError
from reon_export.spec import REON_LABELS, Label, first_problem
from reon_export.text_file import read_text

# Keys under which a JSON object holds the labels: torchvision's and transformers' names, and what scripts call them.
_LIST_KEYS: Final = ("labels", "classes", "class_names", "label_names", "names", "categories")
_INDEX_KEYS: Final = ("id2label", "idx_to_class", "idx2class", "index_to_class", "int_to_label")
_MOST_DIGITS: Final = 9  # of an index; Python refuses to read thousands of them
_NAME_KEYS: Final = ("class_to_idx", "label2id", "class2idx", "class_to_index", "label_to_int")
_HEADER_INDEX: Final = {"index", "idx", "id", "class_id", "label_id", "class_index", "no", "번호"}
_FORMS: Final = "expected one label a line, `0 label` lines, or a JSON list"
_NUMBER_FIRST: Final = re.compile(r"(\d+)\s*[\s,:;.)=\t-]\s*(.+)")
_NUMBER_LAST: Final = re.compile(r"(.+?)\s*[\s,:;=\t]\s*(\d+)")


def read_labels(text: str) -> tuple[Label, ...]:
    """Labels from `reon`, from `a,b,c`, or from a file, in the order of the network's outputs.

    A text file has one label a line, or a label and its index, counted from 0, on each line (`0 joy`, `joy: 0`, or
    CSV with or without a header). A JSON file has a list of keys or of {key, ko, en}, or an object that gives each
    label its index or each index its label, at the top or under a usual key like "classes", "class_to_idx" or
    "id2label". Indexed labels are put in the order of their indexes.

    Raises:
        SpecError: The file cannot be read, has another form, or its indexes are not 0 to n - 1.
    """
    if text == "reon":
        return REON_LABELS
    path = Path(text)
    if "," not in text and (path.suffix or path.exists()):
        return _read_label_file(path)
    return to_labels([item.strip() for item in text.split(",")], f"--labels {text}")


def _read_label_file(path: Path) -> tuple[Label, ...]:
    try:
        content = read_text(path)
    except OSError as error:
        raise SpecError(
            f"cannot read the label file {path}: {error.strerror}; give 'reon', 'a,b,c' or a file"
        ) from error
    except UnicodeError as error:
        raise SpecError(f"the label file {path}: {error}") from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        raise SpecError(f"the label file {path} is YAML, {_FORMS}")
    where = f"the label file {path}"
    if path.suffix.lower() == ".json" or content.lstrip()[:1] in {"{", "["}:
        return _from_value(_parse(content, where), where)
    return _from_lines([line.strip() for line in content.splitlines() if line.strip()], where)


def _parse(content: str, where: str) -> object:
    """JSON, or a dict or list as Python prints it."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        try:
            value: object = ast.literal_eval(content.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise SpecError(f"{where} is not valid JSON: {error}") from error
        return value
    except RecursionError as error:
        raise SpecError(f"{where} is nested too deeply, {_FORMS}") from error


def _from_value(value: object, where: str) -> tuple[Label, ...]:
    if isinstance(value, Mapping):
        return to_labels(labels_in(value, where), where)
    if isinstance(value, list | tuple):
        return to_labels(_in_order_of_ids(value, where), where)
    raise SpecError(f"{where} holds a {type(value).__name__}, {_FORMS}")


def labels_in(value: Mapping[object, object], where: str) -> Sequence[object]:
    """The labels of an object, in index order; see `read_labels`. Raises SpecError."""
    for key in (*_LIST_KEYS, *_INDEX_KEYS, *_NAME_KEYS):
        inner = value.get(key)
        if isinstance(inner, list):
            return _in_order_of_ids(inner, where)
        if isinstance(inner, Mapping):
            return labels_in(inner, where)
    pairs = list(value.items())
    if pairs and all(_is_index(key) and isinstance(label, str) for key, label in pairs):
        return _in_index_order([(int(str(key)), label) for key, label in pairs], where)
    if pairs and all(isinstance(label, str) and _is_index(key) for label, key in pairs):
        return _in_index_order([(int(str(key)), label) for label, key in pairs], where)
    shown = ", ".join(repr(key) for key, _ in pairs[:3]) or "nothing"
    raise SpecError(f"{where} holds an object with {shown}, {_FORMS}")


def _is_index(value: object) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number or (isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS)


def _in_order_of_ids(items: Sequence[object], where: str) -> Sequence[object]:
    """[{"id": 0, "name": "a"}, ...] -> the names by id; any other list as it is."""
    if items and all(isinstance(item, Mapping) and {"id", "name"} <= item.keys() for item in items):
        pairs = [(item["id"], item["name"]) for item in items if isinstance(item, Mapping)]
        if all(_is_index(index) for index, _ in pairs):
            return _in_index_order([(int(str(index)), name) for index, name in pairs], where)
    return items


def _in_index_order(pairs: Sequence[tuple[int, object]], where: str) -> list[object]:
    indexes = sorted(index for index, _ in pairs)
    if indexes != list(range(len(pairs))):
        raise SpecError(
            f"{where} numbers its {len(pairs)} labels {', '.join(map(str, indexes[:9]))}, expected 0 to "
            f"{len(pairs) - 1}, each once: the index of the network's output"
        )
    return [label for _, label in sorted(pairs, key=lambda pair: pair[0])]


def _from_lines(lines: Sequence[str], where: str) -> tuple[Label, ...]:
    if not lines:
        raise SpecError(f"{where} is empty, {_FORMS}")
    if len(lines) == 1 and "," in lines[0]:
        return to_labels([item.strip() for item in lines[0].split(",")], where)
    rows = [line for position, line in enumerate(lines) if position or not _is_header(line)]
    for pattern, number, label in ((_NUMBER_FIRST, 1, 2), (_NUMBER_LAST, 2, 1)):
        matches = [pattern.fullmatch(row) for row in rows]
        found = [match for match in matches if match is not None]
        if found and len(found) == len(rows):
            pairs = [(int(match[number]), _unquote(match[label])) for match in found]
            return to_labels(_in_index_order(pairs, where), where)
    odd = next((line for line in lines if _is_odd(line)), None)
    if odd is not None:
        raise SpecError(f"{where} has the line {odd!r}, {_FORMS}")
    return to_labels(lines, where)


def _is_header(line: str) -> bool:
    cells = [cell.strip().lower() for cell in next(csv.reader([line]), [])]
    return len(cells) == 2 and any(cell in _HEADER_INDEX for cell in cells)


def _unquote(label: str) -> str:
    return label[1:-1].strip() if len(label) > 1 and label[0] == label[-1] and label[0] in "\"'" else label.strip()


def _is_odd(line: str) -> bool:
    """Whether a line is part of a table, a list or a mapping, and not a label alone."""
    return bool(re.match(r"[-*•#]\s|\d+$", line) or re.search(r"[,\t;|:=]|^\d+\W|\W\d+$", line))


def to_labels(items: Sequence[object], where: str) -> tuple[Label, ...]:
    """Labels from keys or from {key, ko, en}; a key without translations is shown as it is. Raises SpecError."""
    labels = []
    for position, item in enumerate(items):
        try:
            label = Label(key=item, ko=item, en=item) if isinstance(item, str) else Label.model_validate(item)
        except ValidationError as error:
            raise SpecError(f"{where}: label {position} is not usable: {first_problem(error)}") from error
        if label.key != label.key.strip() or any(unicodedata.category(c) in {"Cc", "Cf"} for c in label.key):
            raise SpecError(f"{where}: label {position} is not usable: {label.key!r} holds an invisible character")
        labels.append(label)
    return tuple(labels)
