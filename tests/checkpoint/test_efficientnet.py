"""Our EfficientNet-B0 computes what the original implementations compute, in every layout."""

import copy
import io
import warnings
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reon_export.checkpoint.efficientnet import (
    VARIANTS,
    EfficientNetB0,
    Padding,
    ProductSiLU,
    Variant,
    torchvision_keys,
)
from reon_export.faces.crop import Box
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.preprocess import crop_face
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.spec import InputSpec, Layout, ModelSpec
from tests.support.layouts import LAYOUTS, largest_difference, normalised, ours

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def batches(batch: Tensor, default_spec: ModelSpec) -> dict[int, Tensor]:
    """Real face crops by size: 112, 224, and two sizes at which the paddings differ in other ways."""
    spec = default_spec.model_copy(update={"input": InputSpec(height=224, width=224)})
    # The box is what Haar finds (test_samples.py); to look for it again would take a second.
    crop = crop_face(read_image_rgb(SAMPLE_PHOTOS / "astronaut.png"), Box(177, 66, 95, 95), spec)
    large = normalised(np.stack([crop, crop[:, ::-1]]))
    resized = {size: functional.interpolate(large, (size, size), mode="area") for size in (97, 160)}
    return {112: batch[:4], 224: large, **resized}


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
    difference = largest_difference(ours(layout, expected.state_dict()), expected, batches[size])
    print(f"\n{layout} at {size}: max |difference of logits| {difference:.2g}")
    assert difference <= TOLERANCE


def test_what_is_left_is_rounding(references: dict[Layout, nn.Module], batches: dict[int, Tensor]) -> None:
    """Whatever another processor rounds differently: in double precision nothing is left."""
    expected = copy.deepcopy(references["efficientnet_pytorch"]).double()
    actual = ours("efficientnet_pytorch", expected.state_dict()).double()
    actual.load_state_dict(
        {own: expected.state_dict()[theirs] for theirs, own in torchvision_keys("efficientnet_pytorch").items()},
        strict=False,
    )
    assert largest_difference(actual, expected, batches[112][:1].double()) <= 1e-11


def test_product_silu_rounds_like_efficientnet_pytorch() -> None:
    from efficientnet_pytorch.utils import MemoryEfficientSwish

    values = torch.linspace(-20, 20, 100_001)
    assert torch.equal(ProductSiLU()(values), MemoryEfficientSwish()(values))
    assert not torch.equal(ProductSiLU()(values), nn.SiLU()(values))  # else the knob would not be needed


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
        ("timm_tf", 112, Variant("fixed", 1e-3)),
        ("efficientnet_pytorch", 112, Variant("same", 1e-3, "product")),
        ("efficientnet_pytorch", 224, Variant("symmetric", 1e-3, "product")),
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
    assert largest_difference(ours(layout, expected.state_dict(), wrong), expected, batches[size]) > 100 * TOLERANCE


def test_static_padding_equals_the_dynamic_one_only_at_224(
    references: dict[Layout, nn.Module], batches: dict[int, Tensor]
) -> None:
    state = references["efficientnet_pytorch"].state_dict()
    static = ours("efficientnet_pytorch", state)
    dynamic = ours("efficientnet_pytorch", state, replace(VARIANTS["efficientnet_pytorch"], padding="same"))
    assert largest_difference(static, dynamic, batches[224]) == 0
    assert largest_difference(static, dynamic, batches[112]) > 100 * TOLERANCE


def test_a_torchvision_state_dict_loads_as_it_is(references: dict[Layout, nn.Module]) -> None:
    EfficientNetB0(7).load_state_dict(references["torchvision"].state_dict(), strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("padding", ["symmetric", "same", "fixed"])
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
    facts = {
        layout: (variant.padding, variant.batch_norm_epsilon, variant.activation)
        for layout, variant in VARIANTS.items()
    }
    assert facts == {
        "torchvision": ("symmetric", 1e-5, "fused"),
        "timm": ("symmetric", 1e-5, "fused"),
        "timm_tf": ("same", 1e-3, "fused"),
        "efficientnet_pytorch": ("fixed", 1e-3, "product"),
    }
