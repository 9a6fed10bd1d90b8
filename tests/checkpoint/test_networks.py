"""The network in a file is found under any name and prefix, averaged weights first, and with it its head."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import VARIANTS
from reon_export.checkpoint.load import LoadOptions, load_checkpoint
from reon_export.spec import Layout
from tests.support.checkpoint_files import State, refused, renamed, same_weights, saved
from tests.support.layouts import largest_difference, load_trained

Content = Callable[[State, State], object]


def under(prefix: str, state: State) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def without_statistics(state: State) -> State:
    return {key: value for key, value in state.items() if "running_" not in key}


@pytest.fixture(scope="module")
def raw(trained: State) -> State:
    """Other weights than the trained ones: always the first class."""
    return {**trained, "classifier.1.bias": trained["classifier.1.bias"] + torch.tensor([9.0, 0, 0, 0, 0, 0, 0])}


# --- averaged weights -----------------------------------------------------------------------------

AVERAGES: dict[str, Content] = {
    "ema_state_dict": lambda raw, ema: {"model_state_dict": raw, "ema_state_dict": under("module.", ema)},
    "model_ema_state_dict": lambda raw, ema: {"model": raw, "model_ema_state_dict": ema},
    "ema.shadow": lambda raw, ema: {"model": raw, "ema": {"decay": 0.99, "shadow": without_statistics(ema)}},
    "model_ema": lambda raw, ema: {"model": raw, "model_ema": ema},
    "ema_model": lambda raw, ema: {**under("online_model.", raw), **under("ema_model.", ema), "step": torch.tensor(9)},
    "swa_state_dict": lambda raw, ema: {"state_dict": raw, "swa_state_dict": ema},
    "averaged_model": lambda raw, ema: {"state_dict": raw, "averaged_model": ema},
    "modelEMA": lambda raw, ema: {"state_dict": raw, "modelEMA": {"module": ema}},
    "exponential_moving_average": lambda raw, ema: {"net": raw, "exponential_moving_average": ema},
    "n_averaged": lambda raw, ema: {"a": raw, "b": {**under("module.", ema), "n_averaged": torch.tensor(5)}},
    "callbacks": lambda raw, ema: {"state_dict": under("model.", raw), "callbacks": {"EMA": {"weights": ema}}},
    "shadow_params": lambda raw, ema: {
        "model": renamed(raw, "torchvision"),  # in the order of the modules, as a model saves them
        "ema": {
            "decay": 0.9,
            "shadow_params": list(without_statistics(renamed(ema, "torchvision")).values()),
            "collected_params": None,
        },
    },
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averaged_weights_are_taken_and_named(tmp_path: Path, trained: State, raw: State, name: str) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", AVERAGES[name](raw, trained)))
    assert same_weights(checkpoint.model, trained)
    assert checkpoint.entry
    assert len(checkpoint.other_entries) == 1
    again = load_checkpoint(checkpoint.path, LoadOptions(entry=checkpoint.other_entries[0]))
    assert same_weights(again.model, raw)
    assert again.entry == checkpoint.other_entries[0]


@pytest.mark.parametrize("name", ["ema.shadow", "shadow_params"])
def test_missing_statistics_come_from_the_raw_network_and_that_is_said(
    tmp_path: Path, trained: State, raw: State, name: str
) -> None:
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", AVERAGES[name](raw, trained)))
    place = "ema.shadow" if name == "ema.shadow" else "ema.shadow_params"
    assert f"{place!r} does not hold 98 running statistics: taken from 'model'" in checkpoint.notes


def test_frozen_weights_and_the_head_come_from_the_raw_network(tmp_path: Path, trained: State) -> None:
    frozen = {key: value for key, value in trained.items() if not key.startswith(("features.0.", "classifier."))}
    content = {"state_dict": under("model.", trained), "ema": frozen}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", content))
    assert same_weights(checkpoint.model, trained)
    expected = "'ema' does not hold 2 running statistics and 3 weights and the head: taken from 'state_dict'"
    assert expected in checkpoint.notes


def test_averages_that_cannot_be_named_are_a_warning(tmp_path: Path, trained: State, raw: State) -> None:
    dotless = {
        f"model_ema.{key.replace('.', '')}": value
        for key, value in without_statistics(renamed(trained, "torchvision")).items()
    }
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", {"state_dict": {**under("model.", raw), **dotless}}))
    assert same_weights(checkpoint.model, raw)
    assert checkpoint.notes[0] == (
        "'state_dict.model_ema.features00weight' seems to hold averaged weights, but not under the network's names: "
        "they were not used"
    )


def test_two_networks_without_a_preference_are_a_warning(tmp_path: Path, trained: State, raw: State) -> None:
    content = {**under("student.", trained), **under("teacher.", raw)}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", content))
    assert same_weights(checkpoint.model, trained)
    assert (checkpoint.entry, checkpoint.other_entries) == ("student", ("teacher",))
    assert "no name tells which one to take: 'student' was taken, --entry chooses another" in checkpoint.notes[0]


def test_an_entry_that_is_not_there(tmp_path: Path, blank: State) -> None:
    path = saved(tmp_path / "a.pt", {"state_dict": blank, "ema": dict(blank)})
    assert refused(path, entry="emma") == "--entry 'emma' holds no network, expected one of 'state_dict', 'ema'"


def test_a_file_that_holds_itself_ends(tmp_path: Path, trained: State) -> None:
    content: dict[str, object] = {"state_dict": trained}
    content |= {f"again_{number}": content for number in range(20)}
    assert load_checkpoint(saved(tmp_path / "a.pt", content)).entry == "state_dict"


# --- wrappers and heads ---------------------------------------------------------------------------

PREFIXES = ["backbone.", "net.", "encoder.", "base_model.", "efficientnet.", "model.backbone.", "module.model.net.x."]


@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_pytorch"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_prefix(tmp_path: Path, trained: State, layout: Layout, prefix: str) -> None:
    path = saved(tmp_path / "a.pt", {"state_dict": under(prefix, renamed(trained, layout))})
    checkpoint = load_checkpoint(path)
    assert checkpoint.layout == layout
    assert same_weights(checkpoint.model, trained)


HEADS = ["classifier", "classifier.0", "classifier.3", "fc", "_fc", "_fc.1", "head", "head.fc", "emotion"]


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_pytorch"])
@pytest.mark.parametrize("head", HEADS)
def test_one_linear_layer_under_any_name(
    tmp_path: Path, trained: State, layout: Layout, head: str, has_bias: bool
) -> None:
    *trunk, weight, bias = renamed(trained, layout)
    state = renamed(trained, layout)
    content = {key: state[key] for key in trunk} | {f"{head}.weight": state[weight]}
    if has_bias:
        content[f"{head}.bias"] = state[bias]
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", content))
    expected = trained if has_bias else {**trained, "classifier.1.bias": torch.zeros(7)}
    assert same_weights(checkpoint.model, expected)
    assert (f"{head}.weight has no bias: zero was taken" in checkpoint.notes) is not has_bias
    assert (f"the head is {head}.weight" in checkpoint.notes) is (f"{head}.weight" != weight)


@pytest.mark.parametrize("place", ["head.", "fc.", "module.head.", "module.classifier.1."])
def test_a_head_beside_the_trunk(tmp_path: Path, trained: State, place: str) -> None:
    trunk = {key: value for key, value in trained.items() if not key.startswith("classifier.")}
    prefix = "module.backbone." if place.startswith("module.") else "backbone."
    head = {f"{place}weight": trained["classifier.1.weight"], f"{place}bias": trained["classifier.1.bias"]}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", under(prefix, trunk) | head))
    assert same_weights(checkpoint.model, trained)


def test_a_convolution_of_one_pixel_is_a_linear_layer(tmp_path: Path, trained: State) -> None:
    content = {**trained, "classifier.1.weight": trained["classifier.1.weight"][:, :, None, None]}
    assert same_weights(load_checkpoint(saved(tmp_path / "a.pt", content)).model, trained)


HIDDEN: dict[str, tuple[str, Callable[[], State]]] = {
    "sequential": (
        "classifier: 1280 → 512 → 7",
        lambda: {"classifier.1.weight": torch.zeros(512, 1280), "classifier.10.weight": torch.zeros(7, 512)},
    ),
    "two modules": (
        "fc, out: 1280 → 256 → 7",
        lambda: {"fc.weight": torch.zeros(256, 1280), "out.weight": torch.zeros(7, 256)},
    ),
    "an unused ImageNet head": (
        "classifier, head: 1280 → 1000 → 7",
        lambda: {"classifier.1.weight": torch.zeros(1000, 1280), "head.weight": torch.zeros(7, 1000)},
    ),
    "a batch norm": (
        "fc: 1280 → 7 with fc.0.weight, fc.0.running_mean",
        lambda: {
            "fc.0.weight": torch.ones(1280),
            "fc.0.running_mean": torch.ones(1280),
            "fc.1.weight": torch.zeros(7, 1280),
        },
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_layers_are_named_with_their_sizes(tmp_path: Path, blank: State, name: str) -> None:
    words, make = HIDDEN[name]
    trunk = {key: value for key, value in blank.items() if not key.startswith("classifier.")}
    assert refused(saved(tmp_path / "a.pt", trunk | make())) == (
        f"a.pt has a head with hidden layers ({words}), expected one linear layer from 1280: the weights do not show "
        "the activation between the layers. Train one nn.Linear on the frozen trunk instead"
    )


def test_two_heads_are_refused(tmp_path: Path, blank: State) -> None:
    message = refused(saved(tmp_path / "a.pt", {**blank, "head.weight": torch.zeros(5, 1280)}))
    assert message.startswith("a.pt holds 2 heads, classifier (1280 → 7) and head (1280 → 5), expected one: ")


# --- what is not of the network -------------------------------------------------------------------


def test_foreign_tensors_are_left_out_and_named(tmp_path: Path, trained: State) -> None:
    foreign = {
        "criterion.weight": torch.rand(7),
        "val_confusion.confmat": torch.zeros(7, 7, dtype=torch.long),
        "center_loss.weight": torch.rand(7, 1280),
    }
    counts = {"features.0.total_ops": torch.zeros(1), "total_params": torch.zeros(1)}
    checkpoint = load_checkpoint(saved(tmp_path / "a.pt", {**under("model.", trained), **foreign, **counts}))
    assert same_weights(checkpoint.model, trained)
    assert checkpoint.notes == (
        "left out, because they are not of the network: criterion.weight, val_confusion.confmat, center_loss.weight",
    )


@pytest.mark.parametrize("prefix", ["", "backbone."])
@pytest.mark.parametrize(
    ("layout", "stray"),
    [
        ("torchvision", "features.9.weight"),
        ("timm", "blocks.6.0.bn4.weight"),
        ("efficientnet_pytorch", "_blocks.0._bn9.weight"),
    ],
)
def test_a_stray_tensor_inside_the_network_is_an_error(
    tmp_path: Path, blank: State, layout: Layout, stray: str, prefix: str
) -> None:
    content = under(prefix, {**renamed(blank, layout), stray: torch.ones(3)})
    message = refused(saved(tmp_path / "a.pt", content))
    assert message.startswith(f"a.pt does not fit {layout}'s EfficientNet-B0, expected an EfficientNet-B0: ")
    assert f"{prefix}{stray} [3] is unexpected" in message


@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_pytorch"])
@pytest.mark.parametrize("lost", ["stem conv", "head conv", "block 3 reduce gate"])
def test_a_flawed_b0_is_not_called_another_network(tmp_path: Path, blank: State, layout: Layout, lost: str) -> None:
    own = {
        "stem conv": "features.0.0.",
        "head conv": "features.8.0.",
        "block 3 reduce gate": "features.3.0.block.2.fc1.",
    }
    names = dict(zip(renamed(blank, layout), blank, strict=True))
    content = {theirs: blank[name] for theirs, name in names.items() if not name.startswith(own[lost])}
    message = refused(saved(tmp_path / "a.pt", under("net.", content)))
    assert message.startswith(f"a.pt does not fit {layout}'s EfficientNet-B0, expected an EfficientNet-B0: ")
    assert "is missing" in message


# --- what names leave open ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("image_size", [112, 240])
def test_statistics_tell_the_image_size_of_efficientnet_pytorch(
    tmp_path: Path, trained: State, batch: Tensor, image_size: int
) -> None:
    import efficientnet_pytorch

    original = efficientnet_pytorch.EfficientNet.from_name("efficientnet-b0", num_classes=7, image_size=image_size)
    expected = load_trained(original, "efficientnet_pytorch", trained, batch[:8])
    path = saved(tmp_path / "a.pt", expected.state_dict())
    assert load_checkpoint(path).layout_source == "assumed"
    checkpoint = load_checkpoint(path, crops_nchw=batch[8:])
    assert checkpoint.layout_source == "statistics"
    assert largest_difference(checkpoint.model, expected, batch[8:10]) <= 1e-5
    given = load_checkpoint(path, LoadOptions(image_size=image_size))
    assert (given.layout_source, given.image_size) == ("argument", image_size)
    assert largest_difference(given.model, expected, batch[8:10]) <= 1e-5


def test_an_undecided_image_size_names_the_option(tmp_path: Path, blank: State, batch: Tensor) -> None:
    path = saved(tmp_path / "a.pt", renamed(blank, "efficientnet_pytorch"))
    checkpoint = load_checkpoint(path, crops_nchw=batch[:2])
    assert (checkpoint.layout_source, checkpoint.image_size) == ("assumed", 224)
    assert checkpoint.layout_note.endswith("if the network was made with another image_size, pass --image-size")


def test_an_image_size_is_for_one_layout(tmp_path: Path, blank: State) -> None:
    path = saved(tmp_path / "a.pt", renamed(blank, "timm"))
    assert "--image-size 112 is for efficientnet_pytorch's layout" in refused(path, image_size=112)


@pytest.mark.parametrize("image_size", [112, 97, 160, 240])
def test_fixed_padding_is_the_original_s(trained: State, batch: Tensor, image_size: int) -> None:
    import efficientnet_pytorch

    from tests.support.layouts import ours

    layout: Layout = "efficientnet_pytorch"
    original = efficientnet_pytorch.EfficientNet.from_name("efficientnet-b0", num_classes=7, image_size=image_size)
    expected: nn.Module = load_trained(original, layout, trained, batch[:8])
    mine = ours(layout, expected.state_dict(), replace(VARIANTS[layout], image_size=image_size))
    assert largest_difference(mine, expected, batch[8:10]) <= 1e-5
