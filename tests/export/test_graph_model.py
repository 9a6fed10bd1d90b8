"""ONNX to a TF.js graph model: every rule against ONNX Runtime, in TF.js alone; what is unknown is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from reon_export.checkpoint.classifier_graph import ClassifierGraph
from reon_export.checkpoint.efficientnet import VARIANTS, EfficientNetB0
from reon_export.errors import ExportError
from reon_export.export.graph_model import convert_graph
from reon_export.export.onnx import export_onnx, simplify_onnx
from reon_export.export.weight_shards import quantise_uint8, write_graph_model
from reon_export.faces.samples import crops_from_photos
from reon_export.manifest import PRECISIONS
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.runtimes.onnx_runtime import load_classifier
from reon_export.spec import OPSETS, InputSpec, Label, Layout, ModelSpec
from tests.support.graph_models import as_model, run_model
from tests.support.layouts import LAYOUTS

SIZE = 32
LABELS = tuple(Label(key=key, ko=key, en=key) for key in ("a", "b", "c"))
SPEC = ModelSpec(labels=LABELS, input=InputSpec(height=SIZE, width=SIZE))
RANDOM = np.random.default_rng(5)
# Sums of a few hundred products of numbers of size 1 in float32, in another order.
ROUNDING = 2e-5
Node = onnx.NodeProto


class Graph:
    """A small ONNX model, made node by node."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def weight(self, name: str, *shape: int) -> str:
        return self.constant(name, RANDOM.normal(0, 0.4, shape).astype(np.float32))

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"n_{output}", **attributes))
        return output

    def model(self, opset: int = 17) -> onnx.ModelProto:
        shape: list[str | int | None] = ["N", 3, SIZE, SIZE]
        source = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("logits", "probabilities")
        ]
        graph = helper.make_graph(self.nodes, "g", [source], outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def finish(graph: Graph, tensor: str, channels: int, *, opset: int = 17) -> onnx.ModelProto:
    """A mean, a linear layer and a softmax behind a tensor [N, channels, H, W]."""
    if opset < 18:
        graph.add("ReduceMean", [tensor], "mean", axes=[2, 3], keepdims=0)
    else:
        axes = graph.constant("axes", np.array([2, 3], np.int64))
        graph.add("ReduceMean", [tensor, axes], "mean", keepdims=0)
    inputs = ["mean", graph.weight("gemm.w", 3, channels), graph.weight("gemm.b", 3)]
    graph.add("Gemm", inputs, "logits", transB=1)
    graph.add("Softmax", ["logits"], "probabilities", axis=1)
    return graph.model(opset)


def stem(graph: Graph, stride: int = 2) -> str:
    inputs = ["input", graph.weight("stem.w", 4, 3, 3, 3), graph.weight("stem.b", 4)]
    return graph.add("Conv", inputs, "stem", pads=[1, 1, 1, 1], strides=[stride, stride])


def silu(graph: Graph, tensor: str) -> str:
    graph.add("Sigmoid", [tensor], f"{tensor}.s")
    return graph.add("Mul", [tensor, f"{tensor}.s"], f"{tensor}.silu")


def statistic(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)


def normalised() -> onnx.ModelProto:
    graph = Graph()
    graph.add("Div", ["input", graph.constant("full", np.array(255, np.float32))], "unit")
    graph.add("Sub", ["unit", graph.constant("m", statistic(0.485, 0.456, 0.406))], "centred")
    graph.add("Div", ["centred", graph.constant("s", statistic(0.229, 0.224, 0.225))], "normal")
    inputs = ["normal", graph.weight("stem.w", 4, 3, 3, 3), graph.weight("stem.b", 4)]
    graph.add("Conv", inputs, "stem", pads=[1, 1, 1, 1], strides=[2, 2])
    return finish(graph, silu(graph, "stem"), 4)


def block(*, opset: int = 17) -> onnx.ModelProto:
    """Depthwise, squeeze and excite with a fused sigmoid, projection, residual."""
    graph = Graph()
    start = silu(graph, stem(graph))
    inputs = [start, graph.weight("dw.w", 4, 1, 5, 5), graph.weight("dw.b", 4)]
    graph.add("Conv", inputs, "dw", group=4, pads=[2, 2, 2, 2])
    deep = silu(graph, "dw")
    if opset < 18:
        graph.add("ReduceMean", [deep], "squeezed", axes=[-1, -2], keepdims=1)
    else:
        graph.add("GlobalAveragePool", [deep], "squeezed")
    graph.add("Conv", ["squeezed", graph.weight("r.w", 2, 4, 1, 1), graph.weight("r.b", 2)], "reduce")
    inputs = [silu(graph, "reduce"), graph.weight("g.w", 4, 2, 1, 1), graph.weight("g.b", 4)]
    graph.add("Conv", inputs, "gate")
    graph.add("Sigmoid", ["gate"], "gate.s")
    graph.add("Mul", [deep, "gate.s"], "gated")
    graph.add("Conv", ["gated", graph.weight("p.w", 4, 4, 1, 1)], "project")
    graph.add("Add", ["project", start], "sum")
    return finish(graph, "sum", 4, opset=opset)


def padded() -> onnx.ModelProto:
    """TensorFlow's SAME: the odd zero at the end, outside the convolution; and a kernel that strides."""
    graph = Graph()
    amounts = graph.constant("amounts", np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64))
    graph.add("Pad", ["input", amounts], "padded", mode="constant")
    graph.add("Conv", ["padded", graph.weight("w", 4, 3, 3, 3)], "stem", strides=[2, 2])
    inputs = [silu(graph, "stem"), graph.weight("dw.w", 4, 1, 3, 3)]
    graph.add("Conv", inputs, "dw", group=4, strides=[2, 2], pads=[0, 0, 1, 1])
    graph.add("Identity", ["dw"], "same")
    return finish(graph, "same", 4)


def flattened() -> onnx.ModelProto:
    graph = Graph()
    graph.add("GlobalAveragePool", [silu(graph, stem(graph, 1))], "pooled")
    graph.add("Flatten", ["pooled"], "flat", axis=1)
    graph.add("Gemm", ["flat", graph.weight("w", 4, 3), graph.weight("b", 3)], "logits")
    graph.add("Softmax", ["logits"], "probabilities", axis=-1)
    return graph.model()


@pytest.mark.parametrize(
    "model",
    [normalised(), block(), block(opset=18), padded(), flattened()],
    ids=["normalisation", "block", "block at opset 18", "padding", "flatten"],
)
def test_every_rule_gives_what_onnx_runtime_gives(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    crop = RANDOM.uniform(0, 255 if "full" in str(model.graph.initializer) else 1, (1, SIZE, SIZE, 3))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(["logits", "probabilities"], {"input": crop.transpose(0, 3, 1, 2).astype(np.float32)})
    graph = convert_graph(model, SPEC)
    for own, wanted in zip(run_model(*as_model(graph), crop, ["logits", "probabilities"]), expected, strict=True):
        assert own.shape == wanted.shape
        assert np.abs(own - wanted).max() <= ROUNDING * max(1, float(np.abs(wanted).max()))
    assert np.abs(expected[0]).max() > 0.05


def test_a_block_is_lean_and_its_names_say_what_it_does() -> None:
    graph = convert_graph(block(), SPEC)
    nodes = [(node["op"], node["name"]) for node in graph.nodes if node["op"] != "Const"]
    assert nodes == [
        ("Placeholder", "input"),
        ("_FusedConv2D", "stem.conv"),
        ("Sigmoid", "stem.conv/sigmoid"),
        ("Mul", "stem.conv/silu"),
        ("FusedDepthwiseConv2dNative", "block1.depthwise"),
        ("Sigmoid", "block1.depthwise/sigmoid"),
        ("Mul", "block1.depthwise/silu"),
        ("AvgPool", "block1.mean"),
        ("_FusedConv2D", "block1.reduce"),
        ("Sigmoid", "block1.reduce/sigmoid"),
        ("Mul", "block1.reduce/silu"),
        ("_FusedConv2D", "block1.gate"),
        ("Mul", "block1.gated"),
        ("_FusedConv2D", "block1.project"),
        ("AddV2", "block1.sum"),
        ("AvgPool", "block1.mean_2"),
        ("Reshape", "block1.mean_2/flat"),
        ("_FusedMatMul", "logits"),
        ("Softmax", "probabilities"),
    ]


def broken(change: str) -> onnx.ModelProto:  # noqa: PLR0911  # one a fault
    graph = Graph()
    if change in {"input in groups", "normalised input"}:
        normal = graph.add("Div", ["input", graph.constant("full", np.array(255, np.float32))], "unit")
        if change == "input in groups":
            return finish(graph, graph.add("Conv", [normal, graph.weight("w", 3, 1, 3, 3)], "split", group=3), 3)
        return finish(graph, graph.add("Add", [normal, normal], "again"), 3)
    start = stem(graph)
    if change == "operator":
        return finish(graph, graph.add("HardSwish", [start], "hard"), 4)
    if change == "groups":
        inputs = [start, graph.weight("w", 4, 2, 1, 1)]
        return finish(graph, graph.add("Conv", inputs, "grouped", group=2), 4)
    if change == "auto_pad":
        return finish(
            graph, graph.add("Conv", [start, graph.weight("w", 4, 4, 3, 3)], "auto", auto_pad="SAME_UPPER"), 4
        )
    if change == "type":
        half = graph.constant("w", np.ones((4, 4, 1, 1), np.float16))
        return finish(graph, graph.add("Conv", [start, half], "half"), 4)
    if change == "fill":
        amounts = graph.constant("amounts", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        graph.add("Pad", [start, amounts, graph.constant("fill", np.array(2, np.float32))], "filled")
        return finish(graph, graph.add("Conv", ["filled", graph.weight("w", 4, 4, 3, 3)], "conv"), 4)
    if change == "mean":
        return finish(graph, graph.add("ReduceMean", [start], "rows", axes=[2], keepdims=1), 4)
    graph.add("Sigmoid", [start], "s")
    return finish(graph, graph.add("Conv", [start, "s"], "dynamic"), 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("operator", r"n_hard is a HardSwish, which the converter does not know \(it knows .*--converter onnx2tf"),
        ("input in groups", "n_split is a convolution of the input in 3 groups, expected 1"),
        ("normalised input", r"n_again \(Add\) reads the normalised input; only convolutions are supported"),
        ("groups", "n_grouped is a convolution in 2 groups; known are 1 and depthwise"),
        ("auto_pad", r"n_auto \(Conv\) has auto_pad=b'SAME_UPPER', only b'NOTSET' is supported"),
        ("type", "the weight w of n_half is float16, expected float32"),
        ("fill", "n_filled pads by other than zeros"),
        ("mean", r"n_rows is a mean over \[2\] of .*, expected \[2, 3\]"),
        ("dynamic", r"n_dynamic \(Conv\) takes its s from another node, not a file"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change: str, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        convert_graph(broken(change), SPEC)


def test_a_model_without_its_outputs_is_refused() -> None:
    model = block()
    model.graph.node[-1].output[0] = "other"
    with pytest.raises(ExportError, match="the ONNX model has no output probabilities"):
        convert_graph(model, SPEC)


def test_the_files_are_the_same_every_time_and_shards_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reon_export.export.weight_shards.SHARD_BYTES", 500)
    graph = convert_graph(block(), SPEC)
    for name in ("one", "two"):
        write_graph_model(graph, SPEC, "float32", tmp_path / name, "test")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files[0] == "group1-shard1of3.bin"
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    model = json.loads((tmp_path / "one" / "model.json").read_text(encoding="utf-8"))
    paths = model["weightsManifest"][0]["paths"]
    data = b"".join((tmp_path / "one" / path).read_bytes() for path in paths)
    assert data == as_model(graph)[1]
    assert model["userDefinedMetadata"]["labels"] == ["a", "b", "c"]
    assert model["userDefinedMetadata"]["spec"] == SPEC.model_dump(mode="json")


@pytest.mark.parametrize("values", [[-1.0, 0.5, 3.0], [0.0, 0.0], [2.0, 5.0], [-3.0, -0.1], [1e-9, -1e-9]])
def test_eight_bits_are_a_step_off_at_most_and_zero_stays_zero(values: list[float]) -> None:
    weights = np.array([*values, 0.0])
    stored, scale, least = quantise_uint8(weights)
    back = stored * scale + least
    assert back[-1] == pytest.approx(0, abs=1e-12 * max(1.0, scale))
    assert np.abs(back - weights).max() <= scale / 2 + 1e-12 or not weights.any()


@pytest.mark.slow
def test_the_default_model_runs_in_tfjs_alone(model_dir: Path, default_spec: ModelSpec) -> None:
    """`tf.loadGraphModel` and nothing of ours, in every precision, against ONNX Runtime."""
    crops = crops_from_photos(SAMPLE_PHOTOS, default_spec, count=1).crops_rgb
    expected = load_classifier(model_dir)(crops).probabilities
    # float32: 1.8e-6 was measured over 64 crops; the others are their gates.
    for precision, tolerance in zip(PRECISIONS, (1e-5, 5e-3, 1), strict=True):
        folder = model_dir / f"tfjs-{precision}"
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        weights = b"".join((folder / path).read_bytes() for path in model["weightsManifest"][0]["paths"])
        (own,) = run_model(model, weights, crops, ["probabilities"])
        assert np.abs(own - expected).max() <= tolerance


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("opset", "size"), [(OPSETS.start, 224), (OPSETS.stop - 1, 100)])
def test_every_layout_at_both_ends_of_the_opsets_gives_one_lean_graph(layout: Layout, opset: int, size: int) -> None:
    spec = SPEC.model_copy(update={"input": InputSpec(height=size, width=size)})
    network = ClassifierGraph(EfficientNetB0(len(LABELS), VARIANTS[layout]).eval(), spec)
    graph = convert_graph(simplify_onnx(export_onnx(network, spec, opset), spec, "").nchw, spec)
    names = [node["name"] for node in graph.nodes if node["op"] != "Const"]
    # 82 layers, 65 products (49 SiLUs and 16 gates), 49 sigmoids, 17 means, 9 sums; input, centring, reshape, softmax.
    assert len(names) == 226
    assert {f"block{number}.project" for number in range(1, 17)} <= set(names)
    assert not any(node["op"] in {"Pad", "Mean", "Identity"} for node in graph.nodes)
