"""Our EfficientNet-B0 computes what the original implementations compute, in every layout."""

import copy
import io
import warnings

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from layouts import LAYOUTS, largest_difference, normalised, ours, reference
from torch import Tensor, nn
from torch.nn import functional

from reon_export.efficientnet import VARIANTS, EfficientNetB0, Layout, Padding, Variant, torchvision_keys

TOLERANCE = 1e-5
Crops = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def batches(face_crops_rgb: Crops, face_crops_224_rgb: Crops) -> dict[int, Tensor]:
    """Real face crops by size: 112, 224, and two sizes at which the paddings differ in other ways."""
    small, large = normalised(face_crops_rgb[:4]), normalised(face_crops_224_rgb[:2])
    resized = {size: functional.interpolate(large, (size, size), mode="area") for size in (97, 160)}
    return {112: small, 224: large, **resized}


@pytest.fixture(scope="session")
def references(face_crops_rgb: Crops) -> dict[Layout, nn.Module]:
    return {layout: reference(layout, normalised(face_crops_rgb[:32])) for layout in LAYOUTS}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_cover_the_original_in_its_order(references: dict[Layout, nn.Module], layout: Layout) -> None:
    names = [name for name in references[layout].state_dict() if not name.endswith("num_batches_tracked")]
    assert list(torchvision_keys(layout)) == names


@pytest.mark.parametrize("size", [112, 224, 97, 160])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_logits_equal_the_original(
    references: dict[Layout, nn.Module], batches: dict[int, Tensor], layout: Layout, size: int
) -> None:
    expected = references[layout]
    with torch.inference_mode():
        largest_logit = float(expected(batches[size]).abs().max())
    difference = largest_difference(ours(layout, expected.state_dict()), expected, batches[size])
    print(f"\n{layout} at {size}: max |difference of logits| {difference:.2g}, max |logit| {largest_logit:.2g}")
    assert difference <= TOLERANCE * max(1, largest_logit)


def test_what_is_left_is_rounding(references: dict[Layout, nn.Module], batches: dict[int, Tensor]) -> None:
    """efficientnet_pytorch only rounds in another order: in double precision nothing is left."""
    expected = copy.deepcopy(references["efficientnet_pytorch"]).double()
    actual = ours("efficientnet_pytorch", expected.state_dict()).double()
    actual.load_state_dict(
        {own: expected.state_dict()[theirs] for theirs, own in torchvision_keys("efficientnet_pytorch").items()},
        strict=False,
    )
    assert largest_difference(actual, expected, batches[112][:1].double()) <= 1e-11


def test_the_weights_make_the_comparison_mean_something(
    references: dict[Layout, nn.Module], batches: dict[int, Tensor]
) -> None:
    for layout, model in references.items():
        with torch.inference_mode():
            spread = model(batches[112]).std(dim=0)
        assert float(spread.max()) > 0.1, layout


@pytest.mark.parametrize(
    ("layout", "size", "wrong"),
    [
        ("torchvision", 112, Variant("symmetric", 1e-3)),
        ("torchvision", 112, Variant("same", 1e-5)),
        ("timm_tf", 112, Variant("symmetric", 1e-3)),
        ("timm_tf", 112, Variant("same", 1e-5)),
        ("timm_tf", 112, Variant("same_224", 1e-3)),
        ("efficientnet_pytorch", 112, Variant("same", 1e-3)),
        ("efficientnet_pytorch", 224, Variant("symmetric", 1e-3)),
    ],
)
def test_a_wrong_epsilon_or_padding_is_seen(
    references: dict[Layout, nn.Module],
    batches: dict[int, Tensor],
    layout: Layout,
    size: int,
    wrong: Variant,
) -> None:
    expected = references[layout]
    state = {own: expected.state_dict()[theirs] for theirs, own in torchvision_keys(layout).items()}
    model = EfficientNetB0(7, wrong).eval()
    model.load_state_dict(state, strict=False)
    assert largest_difference(model, expected, batches[size]) > 100 * TOLERANCE


def test_static_padding_equals_the_dynamic_one_only_at_224(
    references: dict[Layout, nn.Module], batches: dict[int, Tensor]
) -> None:
    state = references["efficientnet_pytorch"].state_dict()
    static = ours("efficientnet_pytorch", state)
    dynamic = ours("efficientnet_pytorch", state, like="timm_tf")
    assert largest_difference(static, dynamic, batches[224]) == 0
    assert largest_difference(static, dynamic, batches[112]) > 100 * TOLERANCE


def test_a_torchvision_state_dict_loads_as_it_is(references: dict[Layout, nn.Module]) -> None:
    EfficientNetB0(7).load_state_dict(references["torchvision"].state_dict(), strict=True)


@pytest.mark.parametrize("padding", ["symmetric", "same", "same_224"])
def test_export_has_constant_padding_and_few_operators(padding: Padding, batches: dict[int, Tensor]) -> None:
    torch.manual_seed(0)
    model = EfficientNetB0(7, Variant(padding, 1e-3)).eval()
    exported = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="Converting a tensor to a Python")
        torch.onnx.export(
            model,
            (batches[112][:1],),
            exported,  # type: ignore[arg-type]  # a buffer works with the legacy exporter; torch's stub forgets it
            dynamo=False,
        )
    # The exporter spells out constant pads as arithmetic on constants, which onnxsim folds.
    simplified, valid = onnxsim.simplify(onnx.load_from_string(exported.getvalue()))
    assert valid
    graph = simplified.graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Conv") == 81
    assert kinds.count("Pad") <= (0 if padding == "symmetric" else 5)
    assert set(kinds) <= {"Conv", "Pad", "Sigmoid", "Mul", "Add", "ReduceMean", "Gemm"}
    session = onnxruntime.InferenceSession(simplified.SerializeToString())
    (actual,) = session.run(None, {graph.input[0].name: batches[112][:1].numpy()})
    with torch.inference_mode():
        expected = model(batches[112][:1]).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_every_layout_has_a_variant() -> None:
    assert {layout: (variant.padding, variant.batch_norm_epsilon) for layout, variant in VARIANTS.items()} == {
        "torchvision": ("symmetric", 1e-5),
        "timm": ("symmetric", 1e-5),
        "timm_tf": ("same", 1e-3),
        "efficientnet_pytorch": ("same_224", 1e-3),
    }
