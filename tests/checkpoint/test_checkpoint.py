"""Every layout and dtype loads; weights that do not fit or are no numbers are refused; an untrained network is seen."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from reon_export.checkpoint.answers import find_constant_answer, is_untrained
from reon_export.checkpoint.efficientnet import EfficientNetB0
from reon_export.checkpoint.load import LoadOptions, load_checkpoint
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.spec import Layout
from tests.support.checkpoint_files import State, refused, renamed, saved
from tests.support.layouts import largest_difference


@pytest.fixture(scope="module")
def default(trained: State) -> nn.Module:
    model = EfficientNetB0(7)
    model.load_state_dict(trained, strict=False)
    return model.eval()


def test_the_default_checkpoint() -> None:
    checkpoint = load_checkpoint(DEFAULT_CHECKPOINT)
    assert checkpoint.layout == "torchvision"
    assert checkpoint.layout_source == "keys"
    assert checkpoint.num_classes == 7
    assert sum(parameter.numel() for parameter in checkpoint.model.parameters()) == 4_016_515
    assert checkpoint.sha256 == hashlib.sha256(DEFAULT_CHECKPOINT.read_bytes()).hexdigest()
    assert not checkpoint.model.training
    assert {parameter.dtype for parameter in checkpoint.model.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["torchvision", "timm", "timm_tf", "efficientnet_pytorch"])
def test_the_original_s_own_state_dict_gives_its_logits(
    tmp_path: Path, references: dict[Layout, nn.Module], batch: Tensor, layout: Layout
) -> None:
    expected = references[layout]
    path = saved(tmp_path / "best.pth", {"arch": f"{layout}", "state_dict": expected.state_dict()})
    checkpoint = load_checkpoint(path, LoadOptions(layout=layout))
    assert checkpoint.layout == layout
    assert checkpoint.entry == "state_dict"
    assert largest_difference(checkpoint.model, expected, batch[8:10]) <= 1e-5


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(tmp_path: Path, trained: State, dtype: str) -> None:
    stored = {key: value.to(getattr(torch, dtype)) for key, value in trained.items()}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", stored))
    weight = checkpoint.model.state_dict()["classifier.1.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, stored["classifier.1.weight"].float())


def test_a_given_layout_wins(tmp_path: Path, blank: State) -> None:
    path = saved(tmp_path / "a.pt", {"arch": "efficientnet_b0", "state_dict": renamed(blank, "timm")})
    checkpoint = load_checkpoint(path, LoadOptions(layout="timm_tf"))
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "argument")
    assert "efficientnet_pytorch was asked for" in refused(path, layout="efficientnet_pytorch")
    assert refused(path, layout="keras").startswith("unknown layout 'keras': expected one of torchvision, timm, ")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, trained: State, value: float) -> None:
    broken = trained["features.3.0.block.1.0.weight"].clone()
    broken.view(-1)[:3] = value
    message = refused(saved(tmp_path / "a.pt", {**trained, "features.3.0.block.1.0.weight": broken}))
    counts = "3 NaN and 0 infinite" if value != value else "0 NaN and 3 infinite"  # noqa: PLR0124
    assert message.startswith(f"a.pt: features.3.0.block.1.0.weight holds {counts} of 3600 values")


def test_quantised_weights(tmp_path: Path, blank: State) -> None:
    message = refused(saved(tmp_path / "a.pt", {**blank, "features.0.0.weight": torch.zeros(32, 3, 3, 3).char()}))
    assert message == (
        "a.pt: features.0.0.weight is torch.int8, expected floating-point weights: export the model unquantised"
    )


def test_missing_unexpected_and_misshapen_tensors(tmp_path: Path, blank: State) -> None:
    headless = {key: value for key, value in blank.items() if not key.startswith("classifier")}
    message = refused(saved(tmp_path / "a.pt", headless))
    assert message == (
        "a.pt holds an EfficientNet-B0 without its last layer, expected one linear layer [classes, 1280] such as "
        "classifier.1.weight: save the whole classifier's state dict"
    )
    message = refused(saved(tmp_path / "a.pt", {**blank, "features.0.2.weight": torch.ones(7)}))
    assert "does not fit torchvision's EfficientNet-B0" in message
    assert "features.0.2.weight [7] is unexpected" in message
    message = refused(saved(tmp_path / "a.pt", {**blank, "features.0.0.weight": torch.ones(32, 1, 3, 3)}))
    assert "features.0.0.weight expected [32, 3, 3, 3], got [32, 1, 3, 3]" in message
    message = refused(saved(tmp_path / "a.pt", {**blank, "classifier.1.weight": torch.ones(7, 640)}))
    assert message.startswith("a.pt: classifier.1.weight expected [classes, 1280], got [7, 640]")


def probabilities(model: nn.Module, batch: Tensor) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        result: npt.NDArray[np.float32] = model(batch).softmax(dim=1).numpy()
    return result


@pytest.mark.parametrize("layout", ["torchvision", "timm", "timm_tf", "efficientnet_pytorch"])
def test_freshly_initialised_networks_are_untrained(
    fresh: dict[Layout, nn.Module], batch: Tensor, layout: Layout
) -> None:
    assert is_untrained(probabilities(fresh[layout], batch[:4]))


def test_the_default_checkpoint_is_trained(default: nn.Module, batch: Tensor) -> None:
    answers = probabilities(default, batch)
    assert not is_untrained(answers)
    assert find_constant_answer(answers) is None


def test_a_constant_answer_is_found() -> None:
    answers = np.array([[0.1, 0.9], [0.4, 0.6]], np.float32)
    assert find_constant_answer(answers) == 1
    assert find_constant_answer(answers[:1]) is None
    answers[0] = answers[0, ::-1]
    assert find_constant_answer(answers) is None


def test_one_crop_cannot_tell(default: nn.Module, batch: Tensor) -> None:
    with pytest.raises(ValueError, match="at least two crops"):
        is_untrained(probabilities(default, batch[:1]))
