"""A hub's folder: one weights file, and a config.json that gives labels, input size, mean, std and architecture."""

import json
import os
import re
from pathlib import Path

import pytest
from safetensors.torch import save_file

from reon_export.checkpoint.hub_config import HubConfig, read_hub_config
from reon_export.checkpoint.load import load_checkpoint
from reon_export.checkpoint.resolve_spec import SpecOptions, resolve_spec
from reon_export.errors import SpecError
from tests.support.checkpoint_files import State, refused, renamed, saved

TIMM = {
    "architecture": "tf_efficientnet_b0.ns_jft_in1k",
    "num_classes": 3,
    "label_names": ["calm", "cross", "glad"],
    "pretrained_cfg": {"input_size": [3, 112, 112], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 1.0], "crop_pct": 0.9},
}
TRANSFORMERS = {
    "architectures": ["EfficientNetForImageClassification"],
    "id2label": {"0": "calm", "1": "cross", "2": "glad"},
    "image_size": 224,
}
PREPROCESSOR = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1.0], "size": {"height": 112, "width": 112}}


def folder(tmp_path: Path, config: object, preprocessor: object = None) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if preprocessor is not None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor), encoding="utf-8")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(("config", "preprocessor"), [(TIMM, None), (TRANSFORMERS, PREPROCESSOR)])
def test_a_config_describes_the_weights_beside_it(tmp_path: Path, config: object, preprocessor: object) -> None:
    spec, notes = resolve_spec(folder(tmp_path, config, preprocessor), 3, SpecOptions())
    assert [label.key for label in spec.labels] == ["calm", "cross", "glad"]
    assert (spec.input.height, spec.input.width) == (112, 112)
    assert spec.normalisation.mean == (0.5, 0.5, 0.5)
    assert spec.normalisation.std == (0.25, 0.5, 1.0)
    assert notes == ("labels, input size, mean, std from config.json",)


def test_options_win_over_a_config(tmp_path: Path) -> None:
    spec, notes = resolve_spec(folder(tmp_path, TIMM), 3, SpecOptions(labels="a,b,c", input_size=64))
    assert spec.labels[0].key == "a"
    assert spec.input.height == 64
    assert notes == ("mean, std from config.json",)


def test_placeholders_are_no_labels(tmp_path: Path) -> None:
    config = {**TRANSFORMERS, "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}
    with pytest.raises(SpecError, match="nothing names the 3 classes of model"):
        resolve_spec(folder(tmp_path, config), 3, SpecOptions())


@pytest.mark.parametrize("config", [{"lr": 0.1, "labels": ["a", "b", "c"]}, [1, 2], "text"])
def test_another_program_s_config_is_not_read(tmp_path: Path, config: object) -> None:
    assert read_hub_config(folder(tmp_path, config)) == HubConfig()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mean": [123.7, 116.3, 103.5]}, "config.json cannot be used: mean expected 0..1 for R,G,B, got 123.7"),
        ({"mean": 0.5}, "config.json cannot be used: expected three numbers for R,G,B, got 0.5"),
        ({"input_size": [3, 112, 96]}, "config.json cannot be used: input_size [112, 96] is not square"),
        ({"label_names": ["a", "b"]}, "model.safetensors has 3 classes but 2 labels were given"),
    ],
)
def test_a_config_with_a_wrong_value(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    config = {"architecture": "efficientnet_b0", "label_names": ["a", "b", "c"], **change}
    with pytest.raises(SpecError, match=re.escape(problem)):
        resolve_spec(folder(tmp_path, config), 3, SpecOptions())


def test_a_folder_is_the_one_weights_file_in_it(tmp_path: Path, trained: State) -> None:
    path = folder(tmp_path, TIMM)
    save_file(renamed(trained, "timm"), path)
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.path == path
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "metadata")
    (tmp_path / "other.pt").write_bytes(b"x")
    os.link(path, tmp_path / "pytorch_model.bin")
    assert load_checkpoint(tmp_path).path == path  # a hub's name is taken before others
    path.unlink()
    assert load_checkpoint(tmp_path).path.name == "pytorch_model.bin"


def test_a_folder_with_several_weights_files(tmp_path: Path, blank: State) -> None:
    for name in ("a.pt", "b.pt"):
        saved(tmp_path / name, blank)
    wanted = "is a folder, expected one .pt, .pth or .safetensors file in it, got 2 (a.pt, b.pt)"
    assert refused(tmp_path) == f"{tmp_path.name} {wanted}"
