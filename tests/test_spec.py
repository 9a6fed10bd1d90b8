"""ModelSpec: what it takes, what it refuses, and in which encodings it is read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reon_export.errors import SpecError
from reon_export.spec import ModelSpec, Normalisation, read_spec, write_spec


def test_a_spec_survives_being_written_and_read(tmp_path: Path, default_spec: ModelSpec) -> None:
    write_spec(default_spec, tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == default_spec
    assert "기쁨" in (tmp_path / "spec.json").read_text(encoding="utf-8")


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
        ({"normalisation": {"std": [1, 0, 1]}}, "normalisation: std expected above 0 and up to 1 for R,G,B, got 1,0,1"),
        (
            {"input": {"height": 112, "width": 112, "channels": "BGR"}},
            "input.channels: expected RGB, got 'BGR': for a network that was trained on BGR, turn the input channels "
            "of its first convolution and save it again: weight = weight[:, [2, 1, 0]]",
        ),
    ],
)
def test_a_wrong_spec_is_refused_with_the_field_named(
    tmp_path: Path, default_spec: ModelSpec, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({**default_spec.model_dump(mode="json"), **change}), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert f"{path} is not a valid model spec: {message}" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_spec_with_a_byte_order_mark_is_read(tmp_path: Path, default_spec: ModelSpec, encoding: str) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(default_spec.model_dump_json().encode(encoding))
    assert read_spec(path) == default_spec


def test_a_spec_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(b"\xff\xc1")
    with pytest.raises(
        SpecError, match=r"spec.json: expected UTF-8 text: save it as UTF-8; a spec is a JSON file like"
    ):
        read_spec(path)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"mean": (123.675, 116.28, 103.53)}, "divide by 255 → 0.485,0.456,0.406"),
        ({"std": (58.395, 57.12, 57.375)}, "divide by 255 → 0.229,0.224,0.225"),
        ({"mean": (-0.1, 0.5, 0.5)}, "mean expected 0..1 for R,G,B, got -0.1,0.5,0.5"),
        ({"mean": (300.0, 0.5, 0.5)}, "mean expected 0..1 for R,G,B, got 300,0.5,0.5"),
        ({"mean": (float("nan"), 0.5, 0.5)}, "mean expected 0..1 for R,G,B, got nan,0.5,0.5"),
        ({"std": (0.0, 0.0, 0.0)}, "std expected above 0 and up to 1 for R,G,B, got 0,0,0"),
        ({"std": (0.2, float("inf"), 0.2)}, "std expected above 0 and up to 1 for R,G,B, got 0.2,inf,0.2"),
    ],
)
def test_normalisation_outside_its_range(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        Normalisation(**values)
    assert Normalisation(mean=(0, 0, 0), std=(1, 1, 1)).std == (1, 1, 1)
