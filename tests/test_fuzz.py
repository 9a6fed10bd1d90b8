"""A little of `tests/fuzz.py` every time, and the seeds of what it found before."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reon_export.checkpoint.label_file import read_labels
from reon_export.errors import DataError, ReonExportError, SpecError, TrackError
from reon_export.evaluate.datasets import open_dataset
from reon_export.score.tracks.track import read_track
from reon_export.spec import ModelSpec, read_spec
from tests.fuzz import run_case

if TYPE_CHECKING:
    from torch import Tensor

CASES = 150
TARGETS = ("score", "annotations", "labels", "spec", "manifest", "image", "video", "archive", "checkpoint")


@pytest.mark.filterwarnings("ignore")  # of torch, about the odd tensors that it is asked to save
@pytest.mark.parametrize("name", TARGETS)
def test_broken_input_is_a_result_or_one_line(name: str, tmp_path: Path, blank: "dict[str, Tensor]") -> None:
    from tests.support.fuzzing import make_targets

    target = make_targets(blank)[name]
    count = CASES // 3 if name in {"video", "checkpoint"} else CASES
    finds = {seed: found for seed in range(count) if (found := run_case(target, seed, tmp_path))}
    assert not finds


def test_a_find_would_be_noticed(tmp_path: Path, blank: "dict[str, Tensor]") -> None:
    from dataclasses import replace

    from tests.support.fuzzing import make_targets

    def fail(_: Path) -> None:
        raise ZeroDivisionError("a bug")

    found = run_case(replace(make_targets(blank)["spec"], read=fail), 1, tmp_path)
    assert found is not None
    assert found.startswith("ZeroDivisionError at ")


TRACK = {
    "format": "reon-track", "version": 1, "name": "a", "labels": ["x", "y"], "duration_s": 1.0,
    "frames": [{"time_s": 0.0, "probabilities": [0.5, 0.5], "box": None}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "text"}, "model is 'text', expected an object"),
        ({"model": [1]}, "model is [1], expected an object"),
        ({"duration_s": 10**400}, "int too large to convert to float"),
        ({"duration_s": 1e300}, "expected more than 0 and at most 86400 (a day)"),
        ({"duration_s": float("inf")}, "duration_s is inf"),
        ({"frames": [{"time_s": 1e18, "probabilities": None}]}, "frame 0 has time_s 1e+18, expected 0 to 86400"),
        ({"frames": [{"time_s": 10**400, "probabilities": None}]}, "int too large to convert to float"),
        ({"frames": [{"time_s": 0, "probabilities": [10**400, 0]}]}, "int too large to convert to float"),
    ],
)
def test_finds_in_tracks(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(TRACK | change), encoding="utf-8")
    with pytest.raises(TrackError) as caught:
        read_track(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("depth", [500, 5000, 200_000])
def test_finds_in_nested_json(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "a.json"
    for content in ("[" * depth, '{"a":' * depth, "[" * depth + "]" * depth):
        path.write_text(content, encoding="utf-8")
        for read in (read_track, read_spec, lambda file: read_labels(str(file))):
            with pytest.raises(ReonExportError):
                read(path)


@pytest.mark.parametrize("content", ["{[]: 1}", '{"9' + "9" * 5000 + '": "a"}', "{{}: {}}"])
def test_finds_in_label_files(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.json").write_text(content, encoding="utf-8")
    with pytest.raises(SpecError):
        read_labels(str(tmp_path / "labels.json"))


def test_an_archive_whose_members_have_no_names(tmp_path: Path, default_spec: ModelSpec) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("/", b"")
        archive.writestr("//", b"")
    content = (tmp_path / "set.zip").read_bytes().replace(b"//", b"\0\0")
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(DataError):
        open_dataset(f"zip://::{tmp_path / 'set.zip'}", default_spec.labels)
