"""Every container, nesting, prefix and dtype loads; every bad file is named in words; nothing in a file is run."""

import argparse
import hashlib
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from layouts import (
    builders,
    largest_difference,
    normalised,
    reference,
    trained_weights,
)
from safetensors.torch import save_file
from torch import Tensor, nn

from reon_export.checkpoint import is_untrained, load_checkpoint
from reon_export.efficientnet import EfficientNetB0, Layout, torchvision_keys
from reon_export.errors import CheckpointError
from reon_export.paths import DEFAULT_CHECKPOINT

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def trained() -> State:
    return trained_weights()


@pytest.fixture(scope="session")
def batch(face_crops_rgb: npt.NDArray[np.uint8]) -> Tensor:
    return normalised(face_crops_rgb)


@pytest.fixture(scope="session")
def default(trained: State) -> nn.Module:
    model = EfficientNetB0(7)
    model.load_state_dict(trained, strict=False)
    return model.eval()


def renamed(trained: State, layout: Layout) -> State:
    return {theirs: trained[own] for theirs, own in torchvision_keys(layout).items()}


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def same_weights(model: nn.Module, expected: State) -> bool:
    state = model.state_dict()
    return all(torch.equal(state[key], value) for key, value in expected.items())


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, **options)
    return str(caught.value).replace(str(path), path.name)


# --- good files -----------------------------------------------------------------------------------


def test_the_default_checkpoint() -> None:
    checkpoint = load_checkpoint(DEFAULT_CHECKPOINT)
    assert checkpoint.layout == "torchvision"
    assert checkpoint.layout_source == "keys"
    assert checkpoint.num_classes == 7
    assert checkpoint.weight_dtype == "float16"
    assert checkpoint.parameters == 4_016_515
    assert checkpoint.sha256 == hashlib.sha256(DEFAULT_CHECKPOINT.read_bytes()).hexdigest()
    assert not checkpoint.model.training
    assert {parameter.dtype for parameter in checkpoint.model.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in checkpoint.model.parameters())


@pytest.mark.parametrize("layout", ["torchvision", "timm", "timm_tf", "efficientnet_pytorch"])
def test_the_original_s_own_state_dict_gives_its_logits(tmp_path: Path, batch: Tensor, layout: Layout) -> None:
    expected = reference(layout, batch[:32])
    path = saved(tmp_path / "best.pth", {"arch": f"{layout}", "state_dict": expected.state_dict()})
    checkpoint = load_checkpoint(path, layout=layout)
    assert checkpoint.layout == layout
    assert checkpoint.weights_key == "state_dict"
    assert largest_difference(checkpoint.model, expected, batch[32:34]) <= 1e-5


@pytest.mark.parametrize("suffix", [".pt", ".bin"])
@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_containers_are_told_by_content(tmp_path: Path, trained: State, container: str, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    if container == "safetensors":
        save_file(trained, path)
    else:
        saved(path, trained, _use_new_zipfile_serialization=container == "zip")
    assert same_weights(load_checkpoint(path).model, trained)


NESTS: dict[str, Callable[[State], object]] = {
    "state_dict": lambda state: {"epoch": 3, "optimizer": {"state": {}}, "state_dict": state},
    "model": lambda state: {"model": state, "loss": torch.tensor(0.5)},
    "model_state_dict": lambda state: {"model_state_dict": state},
    "ema": lambda state: {"ema": state},
    "net": lambda state: {"net": state, "acc": 93.1},
    "model.state_dict": lambda state: {"model": {"state_dict": state}},
    "state_dict_ema": lambda state: {"state_dict": {}, "state_dict_ema": state},
}


@pytest.mark.parametrize("key", NESTS)
def test_nested_state_dicts(tmp_path: Path, trained: State, key: str) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", NESTS[key](trained)))
    assert checkpoint.weights_key == key
    assert same_weights(checkpoint.model, trained)


def test_averaged_weights_win_over_plain_ones(tmp_path: Path, trained: State) -> None:
    plain = {**trained, "classifier.1.bias": torch.zeros(7)}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", {"state_dict": plain, "state_dict_ema": trained}))
    assert checkpoint.weights_key == "state_dict_ema"
    assert torch.equal(checkpoint.model.state_dict()["classifier.1.bias"], trained["classifier.1.bias"])


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.model.", "module.module."])
def test_prefixes(tmp_path: Path, trained: State, prefix: str) -> None:
    content = {f"{prefix}{key}": value for key, value in trained.items()} | {"n_averaged": torch.tensor(9)}
    assert load_checkpoint(saved(tmp_path / "a.pt", content)).layout == "torchvision"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(tmp_path: Path, trained: State, dtype: str) -> None:
    stored = {key: value.to(getattr(torch, dtype)) for key, value in trained.items()}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", stored))
    assert checkpoint.weight_dtype == dtype
    weight = checkpoint.model.state_dict()["classifier.1.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, stored["classifier.1.weight"].float())


def test_counters_do_not_matter(tmp_path: Path, trained: State) -> None:
    counters = {"features.0.1.num_batches_tracked": torch.tensor(5)}
    assert load_checkpoint(saved(tmp_path / "a.pt", trained | counters)).num_classes == 7


@pytest.mark.parametrize("legacy", [False, True])
def test_what_training_scripts_store_beside_the_weights(tmp_path: Path, trained: State, legacy: bool) -> None:
    content = {
        "args": argparse.Namespace(model="efficientnet_b0", lr=0.1, output=Path("runs") / "1"),
        "best": np.float64(91.5),
        "count": np.int64(7),
        "state_dict": trained,
    }
    path = saved(tmp_path / "last.pth.tar", content, _use_new_zipfile_serialization=not legacy)
    assert load_checkpoint(path).weights_key == "state_dict"


# --- timm or timm_tf ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beside", "layout"),
    [
        ({"arch": "tf_efficientnet_b0"}, "timm_tf"),
        ({"arch": "efficientnet_b0.ra_in1k"}, "timm"),
        ({"args": argparse.Namespace(model="timm/tf_efficientnet_b0.ns_jft_in1k")}, "timm_tf"),
        ({"config": {"architecture": "tf_efficientnet_b0"}}, "timm_tf"),
    ],
)
def test_the_file_says_which_timm(tmp_path: Path, trained: State, beside: dict[str, object], layout: str) -> None:
    path = saved(tmp_path / "tf_efficientnet.pth", {**beside, "state_dict": renamed(trained, "timm")})
    checkpoint = load_checkpoint(path)
    assert (checkpoint.layout, checkpoint.layout_source) == (layout, "metadata")


def test_safetensors_metadata_says_which_timm(tmp_path: Path, trained: State) -> None:
    path = tmp_path / "a.safetensors"
    save_file(renamed(trained, "timm"), path, metadata={"architecture": "tf_efficientnet_b0"})
    checkpoint = load_checkpoint(path)
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "metadata")


def test_the_name_of_the_file_says_which_timm(tmp_path: Path, trained: State) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "my_tf_efficientnet_b0.pt", renamed(trained, "timm")))
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "file name")


@pytest.mark.parametrize("layout", ["timm", "timm_tf"])
def test_batch_norm_statistics_tell_which_timm(tmp_path: Path, batch: Tensor, layout: Layout) -> None:
    path = saved(tmp_path / "a.pt", reference(layout, batch[:32]).state_dict())
    checkpoint = load_checkpoint(path, crops_nchw=batch[32:48])
    assert (checkpoint.layout, checkpoint.layout_source) == (layout, "statistics")


def test_trained_statistics_tell_which_timm(tmp_path: Path, trained: State, batch: Tensor) -> None:
    """The shipped weights were trained with symmetric padding, and not on these faces."""
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", renamed(trained, "timm")), crops_nchw=batch[:16])
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm", "statistics")


def test_without_evidence_timm_is_assumed_and_said_so(tmp_path: Path, trained: State) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", renamed(trained, "timm")))
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm", "assumed")
    assert 'name the file "tf_efficientnet_b0..."' in checkpoint.layout_note


def test_a_given_layout_wins(tmp_path: Path, trained: State) -> None:
    path = saved(tmp_path / "a.pt", {"arch": "efficientnet_b0", "state_dict": renamed(trained, "timm")})
    checkpoint = load_checkpoint(path, layout="timm_tf")
    assert (checkpoint.layout, checkpoint.layout_source) == ("timm_tf", "argument")
    assert "efficientnet_pytorch was asked for" in refused(path, layout="efficientnet_pytorch")
    assert refused(path, layout="keras").startswith("unknown layout 'keras': wanted one of torchvision, timm, ")


# --- bad files ------------------------------------------------------------------------------------


def test_missing_files_name_near_ones(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    assert refused(tmp_path / "model.safetensor") == "model.safetensor does not exist: did you mean model.safetensors?"
    assert refused(tmp_path / "nowhere" / "a.pt") == "a.pt does not exist: check the path"


def test_folders_and_empty_files(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path.name} is a folder: give the .pt, .pth or .safetensors file in it"
    (tmp_path / "a.pt").touch()
    assert refused(tmp_path / "a.pt") == "a.pt is empty (0 bytes): copy or download it again"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\0JFIF", "a JPEG image"),
        (b"epoch,loss\n1,0.5\n", "a text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer (`git lfs pull` fetches the real file)"),
        (b"<!DOCTYPE html><title>404</title>", "a web page (a download that went wrong)"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras)"),
        (pickle.dumps({"a": 1}), "a Python pickle that torch.save did not write"),
        (b"\0\1\2\3", "a file of unknown kind (first bytes 00 01 02 03)"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    wanted = "wanted a file that torch.save or safetensors wrote"
    assert refused(path) == f"a.pth is {kind}, not a checkpoint: {wanted}"


def test_a_text_file_named_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("hello there")
    assert refused(path) == "a.safetensors is named .safetensors but is a text file: wanted safetensors' header"


def test_a_zip_that_is_no_checkpoint(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refused(tmp_path / "a.pt").startswith("a.pt is a zip archive without torch's data.pkl, not a checkpoint")


@pytest.mark.parametrize("kept", [30, 3000, 0.5, 0.999])
@pytest.mark.parametrize("container", ["zip", "legacy", "safetensors"])
def test_cut_off_files(tmp_path: Path, trained: State, container: str, kept: float) -> None:
    path = tmp_path / "a.bin"
    if container == "safetensors":
        save_file(trained, path)
    else:
        saved(path, trained, _use_new_zipfile_serialization=container == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    message = refused(path)
    assert "cut off" in message
    assert message.endswith("copy or download it again")
    assert "\n" not in message


def test_a_safetensors_header_longer_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 5000) + b'{"a":')
    assert refused(path).startswith("a.safetensors is cut off: its header alone says 5000 bytes, the file has 13;")


def test_files_without_tensors(tmp_path: Path) -> None:
    holds = {
        "a dict without tensors (its keys: epoch, state_dict)": {"epoch": 1, "state_dict": {}},
        "a dict without tensors (its keys: none)": {},
        "a list": [torch.zeros(2)],
        "a Tensor": torch.zeros(3),
    }
    for words, content in holds.items():
        message = refused(saved(tmp_path / "a.pt", content))
        assert message == f"a.pt holds {words}: wanted the state dict of an EfficientNet-B0"
    save_file({}, tmp_path / "a.safetensors")
    assert refused(tmp_path / "a.safetensors").startswith("a.safetensors holds no tensors")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_pytorch"])
def test_a_pickled_module_is_refused_with_the_two_lines(tmp_path: Path, layout: Layout, legacy: bool) -> None:
    model = builders()[layout]()
    path = saved(tmp_path / "whole.pth", model, _use_new_zipfile_serialization=not legacy)
    first, *code = refused(path).splitlines()
    assert first.startswith("whole.pth holds a whole pickled module (")
    assert "wanted a state dict: unpickling could run any code, so it was not loaded" in first
    assert len(code) == 2
    # The advice works as printed.
    lines = "\n".join(line.strip() for line in code)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        exec(lines)  # noqa: S102
    finally:
        os.chdir(here)
    assert load_checkpoint(tmp_path / "whole_state_dict.pth").num_classes == 7


class Malicious:
    """What a hostile checkpoint holds: unpickling it writes a file."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("way", ["system", "eval", "namespace"])
def test_a_malicious_pickle_is_not_run(tmp_path: Path, trained: State, way: str, legacy: bool) -> None:
    marker = tmp_path / "marker"
    attack: object = Malicious(os.system, f"touch {marker}")
    if way == "eval":
        attack = Malicious(eval, f"open({str(marker)!r}, 'w').write('x')")
    elif way == "namespace":
        attack = argparse.Namespace(inner=attack)
    path = saved(tmp_path / "a.pt", {"state_dict": trained, "extra": attack}, _use_new_zipfile_serialization=not legacy)
    message = refused(path)
    assert not marker.exists()
    assert message.startswith("a.pt names Python code (")
    assert ("eval" if way == "eval" else "posix.system") in message.splitlines()[0]
    torch.load(path, weights_only=False)  # the trap itself works
    assert marker.exists()


def test_a_torchscript_archive(tmp_path: Path) -> None:
    path = tmp_path / "scripted.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"scripted/{name}", "")
    assert refused(path).splitlines()[0] == "scripted.pt is a TorchScript archive, wanted a state dict. Make one with:"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tmp_path: Path, trained: State, value: float) -> None:
    broken = trained["features.3.0.block.1.0.weight"].clone()
    broken.view(-1)[:3] = value
    message = refused(saved(tmp_path / "a.pt", {**trained, "features.3.0.block.1.0.weight": broken}))
    counts = "3 NaN and 0 infinite" if value != value else "0 NaN and 3 infinite"  # noqa: PLR0124
    assert message.startswith(f"a.pt: features.3.0.block.1.0.weight holds {counts} of 3600 values")


def test_quantised_weights(tmp_path: Path, trained: State) -> None:
    message = refused(saved(tmp_path / "a.pt", {**trained, "features.0.0.weight": torch.zeros(32, 3, 3, 3).char()}))
    assert message == (
        "a.pt: features.0.0.weight is torch.int8, wanted floating-point weights: export the model unquantised"
    )


def test_missing_unexpected_and_misshapen_tensors(tmp_path: Path, trained: State) -> None:
    headless = {key: value for key, value in trained.items() if not key.startswith("classifier")}
    message = refused(saved(tmp_path / "a.pt", headless))
    assert "does not fit torchvision's EfficientNet-B0" in message
    assert "classifier.1.weight expected [1, 1280], is missing" in message
    message = refused(saved(tmp_path / "a.pt", {**trained, "criterion.weight": torch.ones(7)}))
    assert "criterion.weight [7] is unexpected" in message
    message = refused(saved(tmp_path / "a.pt", {**trained, "features.0.0.weight": torch.ones(32, 1, 3, 3)}))
    assert "features.0.0.weight expected [32, 3, 3, 3], got [32, 1, 3, 3]" in message
    message = refused(saved(tmp_path / "a.pt", {**trained, "classifier.1.weight": torch.ones(7)}))
    assert "classifier.1.weight expected [7, 1280], got [7]" in message


def _skeleton(make: Callable[[], nn.Module]) -> State:
    """A state dict with the right names and shapes, whose tensors take no memory."""
    with torch.device("meta"):
        state = make().state_dict()
    return {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}


@pytest.mark.parametrize(
    ("library", "name", "words"),
    [
        ("torchvision", "efficientnet_b1", "an EfficientNet-B1"),
        ("torchvision", "efficientnet_b4", "an EfficientNet-B4"),
        ("torchvision", "efficientnet_v2_s", "an EfficientNetV2 or a MobileNetV3"),
        ("torchvision", "resnet18", "a ResNet-18"),
        ("torchvision", "resnet50", "a ResNet-50"),
        ("torchvision", "mobilenet_v2", "a MobileNetV2"),
        ("torchvision", "mobilenet_v3_small", "a MobileNetV3"),
        ("torchvision", "vit_b_16", "a vision transformer (ViT)"),
        ("torchvision", "vgg16", "a VGG or AlexNet"),
        ("torchvision", "densenet121", "a DenseNet"),
        ("torchvision", "swin_t", "a Swin Transformer"),
        ("torchvision", "convnext_tiny", "a ConvNeXt"),
        ("timm", "efficientnet_b2", "an EfficientNet-B2"),
        ("timm", "tf_efficientnet_b7", "an EfficientNet-B7"),
        ("timm", "efficientnet_lite0", "a relative of EfficientNet (stem 32 wide, 16 blocks, head 1280 wide)"),
        ("efficientnet_pytorch", "efficientnet-b3", "an EfficientNet-B3"),
        ("efficientnet_pytorch", "efficientnet-b6", "an EfficientNet-B6"),
    ],
)
def test_other_networks_are_named(tmp_path: Path, library: str, name: str, words: str) -> None:
    import efficientnet_pytorch
    import timm
    import torchvision

    make: dict[str, Callable[[], nn.Module]] = {
        "torchvision": lambda: torchvision.models.get_model(name),
        "timm": lambda: timm.create_model(name),
        "efficientnet_pytorch": lambda: efficientnet_pytorch.EfficientNet.from_name(name),
    }
    message = refused(saved(tmp_path / "a.pt", _skeleton(make[library])))
    assert message.startswith(f"a.pt holds {words}, wanted an EfficientNet-B0: ")
    assert "expected" in message  # the first tensors that differ
    assert "\n" not in message


# --- untrained ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["torchvision", "timm", "timm_tf", "efficientnet_pytorch"])
def test_freshly_initialised_networks_are_untrained(batch: Tensor, layout: Layout) -> None:
    torch.manual_seed(0)
    assert is_untrained(builders()[layout]().eval(), batch[:4])


def test_the_default_checkpoint_is_trained(default: nn.Module, batch: Tensor) -> None:
    assert not is_untrained(default, batch[:8])


def test_one_crop_cannot_tell(default: nn.Module, batch: Tensor) -> None:
    with pytest.raises(ValueError, match="at least two crops"):
        is_untrained(default, batch[:1])
