"""ModelSpec and labels."""

import json
from pathlib import Path

import pytest

from reon_export.errors import SpecError
from reon_export.spec import REON_LABELS, ModelSpec, read_labels, read_spec, write_spec


def test_a_spec_survives_being_written_and_read(tmp_path: Path, default_spec: ModelSpec) -> None:
    write_spec(default_spec, tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == default_spec
    assert "기쁨" in (tmp_path / "spec.json").read_text(encoding="utf-8")


def test_reon_labels_are_the_seven_in_order() -> None:
    assert read_labels("reon") == REON_LABELS
    assert [label.ko for label in REON_LABELS] == ["기쁨", "당황", "분노", "불안", "상처", "슬픔", "중립"]


def test_labels_from_a_list_and_from_files(tmp_path: Path) -> None:
    wanted = ["calm", "cross", "glad"]
    text, keys, full = tmp_path / "labels.txt", tmp_path / "keys.json", tmp_path / "full.json"
    text.write_text("calm\ncross\n\nglad\n", encoding="utf-8")
    keys.write_text(json.dumps(wanted), encoding="utf-8")
    full.write_text(json.dumps([{"key": key, "ko": "가", "en": key.title()} for key in wanted]), encoding="utf-8")
    for given in ("calm, cross,glad", str(text), str(keys), str(full)):
        assert [label.key for label in read_labels(given)] == wanted
    assert read_labels(str(full))[0].en == "Calm"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.txt", "cannot read the label file nowhere.txt: No such file or directory"),
        ("a,,c", "--labels a,,c: label 1 is not usable: key: String should have at least 1 character"),
    ],
)
def test_bad_labels(given: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_labels(given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ('{"a": 1}', "holds a dict, expected a list of labels"),
        ('[{"key": "a"}]', "label 0 is not usable: ko: Field required"),
        ("[1]", "label 0 is not usable"),
    ],
)
def test_bad_label_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        read_labels(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": {"height": 1, "width": 112}}, "input.height: Input should be greater than or equal to 32"),
        ({"mean": [0, 0, 0]}, "mean: Extra inputs are not permitted"),
        ({"version": 2}, "version: Input should be 1"),
        ({"architecture": "resnet50"}, "architecture: Input should be 'efficientnet_b0'"),
        (
            {"labels": [{"key": "a", "ko": "a", "en": "a"}] * 2},
            "label keys must differ, a occurs more than once",
        ),
        ({"normalisation": {"std": [1, 0, 1]}}, "normalisation.std.1: Input should be greater than 0"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_field_named(
    tmp_path: Path, default_spec: ModelSpec, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({**default_spec.model_dump(mode="json"), **change}), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert f"{path} is not a valid model spec: {message}" in str(caught.value).replace("Value error, ", "")
