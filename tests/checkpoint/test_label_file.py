"""Labels in every form that people have are read in index order, or refused by their form."""

import json
from pathlib import Path

import pytest

from reon_export.checkpoint.label_file import read_labels
from reon_export.errors import SpecError
from reon_export.spec import REON_LABELS

KO = ["기쁨", "당황", "분노", "불안", "상처", "슬픔", "중립"]
LINES = "\r\n".join(KO) + "\r\n"


def keys(given: object) -> list[str]:
    return [label.key for label in read_labels(str(given))]


def refused(given: object) -> str:
    with pytest.raises(SpecError) as caught:
        read_labels(str(given))
    return str(caught.value)


def test_reon_labels_are_the_seven_in_order() -> None:
    assert read_labels("reon") == REON_LABELS
    assert [label.ko for label in REON_LABELS] == KO


def test_a_list_on_the_command_line() -> None:
    assert keys("calm, cross,glad") == ["calm", "cross", "glad"]
    expected = "--labels a,,c: label 1 is not usable: key: String should have at least 1 character"
    assert refused("a,,c") == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark", "utf-32", "cp949", "euc-kr"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "labels.txt"
    content = b"\xfe\xff" + LINES.encode("utf-16-be") if encoding == "utf-16-be-mark" else LINES.encode(encoding)
    path.write_bytes(content)
    assert keys(path) == KO


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("joie\nténèbres\n".encode("latin-1"), "expected UTF-8 text: save it as UTF-8"),
        ("喜び\n悲しみ\n".encode("shift-jis"), "expected UTF-8 text: save it as UTF-8"),
        (LINES.encode("utf-16-le"), "expected UTF-8 text: save it as UTF-8"),
        ("a\nb\n".encode("utf-16-le"), "expected text, got zero bytes: save it as UTF-8"),
        (b"\xff\xfea", "expected utf-16 text, as its first bytes promise: save it as UTF-8"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    assert refused(path) == f"the label file {path}: {problem}"


TEXTS = {
    "a line each": LINES,
    "blank lines": "\n\n".join(KO),
    "one line": ",".join(KO),
    "0 label": "".join(f"{i} {key}\n" for i, key in enumerate(KO)),
    "0: label": "".join(f"{i}: {key}\n" for i, key in enumerate(KO)),
    "0. label": "".join(f"{i}. {key}\n" for i, key in enumerate(KO)),
    "0\tlabel": "".join(f"{i}\t{key}\n" for i, key in enumerate(KO)),
    "label: 0": "".join(f"{key}: {i}\n" for i, key in enumerate(KO)),
    "label 0": "".join(f"{key} {i}\n" for i, key in enumerate(KO)),
    "turned round": "".join(f"{i} {key}\n" for i, key in reversed(list(enumerate(KO)))),
    "csv": "index,label\n" + "".join(f"{i},{key}\n" for i, key in enumerate(KO)),
    "csv, label first": "label,index\n" + "".join(f'"{key}",{i}\n' for i, key in enumerate(KO)),
    "csv, no header": "".join(f"{i},{key}\n" for i, key in enumerate(KO)),
    "python dict": repr({key: i for i, key in enumerate(KO)}),
    "python list": repr(KO),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(TEXTS[name], encoding="utf-8")
    assert keys(path) == KO


VALUES: dict[str, object] = {
    "list": KO,
    "objects": [{"key": key, "ko": key, "en": key} for key in KO],
    "classes": {"classes": KO},
    "class_to_idx": {key: i for i, key in enumerate(KO)},
    "idx_to_class": {str(i): key for i, key in enumerate(KO)},
    "idx_to_class, turned round": {str(i): KO[i] for i in range(6, -1, -1)},
    "id2label": {"id2label": {str(i): key for i, key in enumerate(KO)}, "label2id": {}},
    "label2id": {"label2id": {key: i for i, key in enumerate(KO)}},
    "texts for numbers": {key: str(i) for i, key in enumerate(KO)},
    "coco": {"categories": [{"id": i, "name": key} for i, key in reversed(list(enumerate(KO)))]},
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", VALUES)
def test_json_files(tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(json.dumps(VALUES[name], ensure_ascii=False).encode(encoding))
    assert keys(path) == KO


def test_translations_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "full.json"
    path.write_text(json.dumps([{"key": "calm", "ko": "차분", "en": "Calm"}] * 2), encoding="utf-8")
    assert (read_labels(str(path))[0].en, read_labels(str(path))[0].ko) == ("Calm", "차분")


FORMS = "expected one label a line, `0 label` lines, or a JSON list"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "{", " is not valid JSON: Expecting property name"),
        ("a.json", "3", f" holds a int, {FORMS}"),
        ("a.json", '[{"key": "a"}]', ": label 0 is not usable: ko: Field required"),
        ("a.json", "[1]", ": label 0 is not usable: "),
        ("a.json", '{"a": "b"}', f" holds an object with 'a', {FORMS}"),
        ("a.json", '{"a": 1, "b": 2}', " numbers its 2 labels 1, 2, expected 0 to 1, each once"),
        ("a.json", '{"0": "a", "2": "b"}', " numbers its 2 labels 0, 2, expected 0 to 1, each once"),
        ("a.json", '{"a": 0, "b": 0}', " numbers its 2 labels 0, 0, expected 0 to 1, each once"),
        ("a.json", '["a\\u200b", "b"]', ": label 0 is not usable: 'a\\u200b' holds an invisible character"),
        ("a.txt", "1 a\n2 b\n", " numbers its 2 labels 1, 2, expected 0 to 1, each once"),
        ("a.txt", "0 a\nb\n", f" has the line '0 a', {FORMS}"),
        ("a.txt", "- a\n- b\n", f" has the line '- a', {FORMS}"),
        ("a.txt", "names:\n  0: a\n  1: b\n", f" has the line 'names:', {FORMS}"),
        ("a.txt", "a,b\nc,d\n", f" has the line 'a,b', {FORMS}"),
        ("a.txt", "0\n1\n", f" has the line '0', {FORMS}"),
        ("a.txt", "\n", f" is empty, {FORMS}"),
        ("a.yaml", "names: [a, b]\n", f" is YAML, {FORMS}"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, name: str, content: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert refused(path).startswith(f"the label file {path}{problem}")


def test_a_missing_file() -> None:
    assert refused("nowhere.txt") == (
        "cannot read the label file nowhere.txt: No such file or directory; give 'reon', 'a,b,c' or a file"
    )
