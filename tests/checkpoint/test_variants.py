"""timm's two EfficientNet-B0 are told apart by what the file says, by its name, and by the batch-norm statistics."""

import argparse
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import Tensor, nn

from reon_export.checkpoint.load import load_checkpoint
from reon_export.spec import Layout
from tests.support.checkpoint_files import State, renamed, saved


@pytest.mark.parametrize(
    ("beside", "layout"),
    [
        ({"arch": "tf_efficientnet_b0"}, "timm_tf"),
        ({"arch": "efficientnet_b0.ra_in1k"}, "timm"),
        ({"args": argparse.Namespace(model="timm/tf_efficientnet_b0.ns_jft_in1k")}, "timm_tf"),
        ({"config": {"architecture": "tf_efficientnet_b0"}}, "timm_tf"),
    ],
)
def test_the_file_says_which_timm(tmp_path: Path, blank: State, beside: dict[str, object], layout: str) -> None:
    path = saved(tmp_path / "tf_efficientnet.pth", {**beside, "state_dict": renamed(blank, "timm")})
    checkpoint = load_checkpoint(path)
    assert (checkpoint.layout, checkpoint.layout_source) == (layout, "metadata")


def test_safetensors_metadata_says_which_timm(tmp_path: Path, trained: State) -> None:
    path = tmp_path / "a.safetensors"
    save_file(renamed(trained, "timm"), path, metadata={"architecture": "tf_efficientnet_b0"})
    checkpoint = load_checkpoint(path)
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "metadata")


def test_the_name_of_the_file_says_which_timm(tmp_path: Path, blank: State) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "my_tf_efficientnet_b0.pt", renamed(blank, "timm")))
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "file name")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["timm", "timm_tf"])
def test_batch_norm_statistics_tell_which_timm(
    tmp_path: Path, references: dict[Layout, nn.Module], batch: Tensor, layout: Layout
) -> None:
    path = saved(tmp_path / "a.pt", references[layout].state_dict())
    checkpoint = load_checkpoint(path, crops_nchw=batch[8:16])
    assert (checkpoint.layout, checkpoint.layout_source) == (layout, "statistics")


def test_trained_statistics_tell_which_timm(tmp_path: Path, trained: State, batch: Tensor) -> None:
    """The shipped weights were trained with symmetric padding, and not on these faces."""
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", renamed(trained, "timm")), crops_nchw=batch[:16])
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm", "statistics")


def test_without_evidence_timm_is_assumed_and_said_so(tmp_path: Path, blank: State) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", renamed(blank, "timm")))
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm", "assumed")
    assert checkpoint.layout_note.endswith("if it is that one, pass --layout timm_tf")
