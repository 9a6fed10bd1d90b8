"""Bisection finds the very node that was damaged, in ONNX Runtime and in the browser."""

import base64
import io
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from rich.console import Console

from reon_export.checkpoint.classifier_graph import ClassifierGraph
from reon_export.checkpoint.efficientnet import EfficientNetB0
from reon_export.checkpoint.load import load_checkpoint
from reon_export.errors import ParityError
from reon_export.export.onnx import export_onnx, simplify_onnx
from reon_export.parity.bisect.bisect import bisect_model, bisect_onnx
from reon_export.parity.bisect.dataflow import Dataflow, GraphNode, read_onnx_dataflow
from reon_export.parity.bisect.divergence import THRESHOLDS, Bisection, BisectReport, NodeDifference
from reon_export.parity.bisect.table import render_bisect
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.runtimes.page_session import open_page_session
from reon_export.spec import ModelSpec
from tests.support import damage

BLOCKS = ["stem", *(f"block {number}" for number in range(1, 17)), "head"]
Crops = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def graph(default_spec: ModelSpec) -> ClassifierGraph:
    return ClassifierGraph(load_checkpoint(DEFAULT_CHECKPOINT).model, default_spec)


@pytest.fixture(scope="module")
def healthy(graph: ClassifierGraph, default_spec: ModelSpec) -> onnx.ModelProto:
    return simplify_onnx(export_onnx(graph, default_spec, 17), default_spec, "0" * 64).nhwc


@pytest.fixture
def model(healthy: onnx.ModelProto) -> onnx.ModelProto:
    """A copy to be damaged."""
    copy = onnx.ModelProto()
    copy.CopyFrom(healthy)
    return copy


@pytest.fixture(scope="module")
def crop(face_crops_rgb: Crops) -> Crops:
    return face_crops_rgb[:1]


def in_onnx(graph: ClassifierGraph, model: onnx.ModelProto, crops_rgb: Crops) -> Bisection:
    return Bisection("onnx", "float32", len(crops_rgb), bisect_onnx(graph, model, crops_rgb))


def scale(weights: damage.Weights) -> None:
    weights *= 1.01


def put_nan(weights: damage.Weights) -> None:
    weights[0] = np.nan


@pytest.mark.slow
class TestOnnx:
    def test_a_healthy_model_stays_with_pytorch_in_every_node(
        self, graph: ClassifierGraph, healthy: onnx.ModelProto, face_crops_rgb: Crops
    ) -> None:
        bisection = in_onnx(graph, healthy, face_crops_rgb[:2])
        assert bisection.first_over() is None
        assert [block.block for block in bisection.by_block()] == BLOCKS
        assert sum(row.own is not None for row in bisection.rows) == 82  # 81 convolutions and the linear layer
        assert len({row.node for row in bisection.rows}) == len(bisection.rows)
        # Rounding is there, so the numbers are compared and not copied; measured 2.1e-6.
        assert 1e-7 < max(row.relative for row in bisection.rows) < THRESHOLDS["float32"] / 10

    @pytest.mark.parametrize(
        ("number", "block", "part"),
        [(0, "stem", "conv"), (3, "block 1", "gate"), (44, "block 9", "project"), (81, "head", "linear")],
    )
    def test_a_scaled_weight_is_named(
        self, graph: ClassifierGraph, model: onnx.ModelProto, crop: Crops, number: int, block: str, part: str
    ) -> None:
        node = damage.change_onnx_weight(model, number, scale)
        bisection = in_onnx(graph, model, crop)
        first = bisection.first_over()
        assert first is not None
        assert (first.node, first.block, first.part) == (node, block, part)
        # Everything behind it differs too, but only this layer adds to the difference.
        assert bisection.largest_own.node == node
        others = [row.own for row in bisection.rows if row.own is not None and row.node != node]
        assert max(others) < THRESHOLDS["float32"]

    def test_nan_is_named_and_never_slips_through(
        self, graph: ClassifierGraph, model: onnx.ModelProto, crop: Crops
    ) -> None:
        node = damage.change_onnx_weight(model, 20, put_nan)
        bisection = in_onnx(graph, model, crop)
        first = bisection.first_over(threshold=1e30)
        assert first is not None
        assert first.node == node
        assert "values that are not finite" in str(first)
        assert bisection.largest_own.node == node

    def test_a_wrong_activation_is_named(self, graph: ClassifierGraph, model: onnx.ModelProto, crop: Crops) -> None:
        gate = read_onnx_dataflow(model).layers()[8]
        (sigmoid,) = (node for node in model.graph.node if list(node.input) == [gate.output])
        sigmoid.op_type = "HardSigmoid"
        first = in_onnx(graph, model, crop).first_over()
        assert first is not None
        assert (first.block, first.part) == ("block 2", "gated")

    def test_a_missing_shortcut_is_named(self, graph: ClassifierGraph, model: onnx.ModelProto, crop: Crops) -> None:
        add = next(node for node in model.graph.node if node.op_type == "Add")
        before = read_onnx_dataflow(model)
        project = next(name for name in add.input if before.nodes[name].kernel is not None)
        add.op_type = "Identity"
        add.input[:] = [project]
        first = in_onnx(graph, model, crop).first_over()
        assert first is not None
        assert (first.block, first.part) == ("block 3", "result")

    def test_another_network_is_refused(self, healthy: onnx.ModelProto, default_spec: ModelSpec, crop: Crops) -> None:
        other = ClassifierGraph(EfficientNetB0(9), default_spec)
        with pytest.raises(ParityError, match=r"layer 82 of the onnx graph is logits with a kernel \[7, 1280\], PyTor"):
            in_onnx(other, healthy, crop)

    def test_nothing_compared_is_an_error(self, graph: ClassifierGraph, healthy: onnx.ModelProto, crop: Crops) -> None:
        with pytest.raises(ParityError, match="nothing was compared: there are no crops"):
            in_onnx(graph, healthy, crop[:0])


class TestDataflow:
    @staticmethod
    def conv(output: str, *inputs: str) -> GraphNode:
        return GraphNode("Conv", inputs, output, kernel=(1, 1, 1, 1))

    def test_layers_come_in_the_order_of_the_data(self) -> None:
        nodes = [self.conv("a", "input"), self.conv("b", "a"), GraphNode("Mul", ("a", "b"), "m"), self.conv("c", "m")]
        for seed in range(5):
            random.Random(seed).shuffle(nodes)  # noqa: S311  # an order, not a secret
            dataflow = Dataflow("onnx", "NCHW", {node.output: node for node in nodes})
            assert [node.output for node in dataflow.layers()] == ["a", "b", "c"]

    def test_layers_side_by_side_are_refused(self) -> None:
        nodes = {"a": self.conv("a", "input"), "b": self.conv("b", "input")}
        with pytest.raises(ParityError, match="the onnx layers a and b stand side by side"):
            Dataflow("onnx", "NCHW", nodes).layers()

    def test_a_circle_is_refused(self) -> None:
        nodes = {"a": self.conv("a", "b"), "b": self.conv("b", "a")}
        with pytest.raises(ParityError, match="the onnx graph runs in a circle"):
            Dataflow("onnx", "NCHW", nodes).layers()


def row(block: str, relative: float, own: float | None = None) -> NodeDifference:
    return NodeDifference(block, "conv", f"node of {block}", "Conv", relative, relative, own)


def test_the_table_names_the_first_node_and_the_layer_that_adds_most() -> None:
    good = Bisection("onnx", "float32", 4, (row("stem", 1e-7, 1e-7), row("block 1", 2e-7, 1e-7)))
    bad = Bisection("tfjs:wasm", "float32", 4, (row("stem", 1e-3, 1e-3), row("block 1", float("inf"), 2e-2)))
    console = Console(file=io.StringIO(), width=200)
    console.print(render_bisect(BisectReport("a-model", (good, bad))))
    assert isinstance(console.file, io.StringIO)
    shown = " ".join(console.file.getvalue().split())
    assert "stem 1.0e-07 1.0e-07 1.0e-03 ! 1.0e-03 !" in shown
    assert "block 1 2.0e-07 1.0e-07 not finite ! 2.0e-02 !" in shown
    assert "✓ onnx float32 stays with PyTorch in all 2 nodes" in shown
    assert (
        "✗ tfjs:wasm float32 leaves PyTorch at stem, conv: relative difference 1.0e-03 is over 4e-05, in node of stem; "
        "the layer that adds most by itself is block 1, conv (2.0e-02), node of block 1"
    ) in shown


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


@pytest.mark.browser
@pytest.mark.slow
class TestTfjs:
    def test_healthy_models_and_where_uint8_breaks(self, graph: ClassifierGraph, model_dir: Path, crop: Crops) -> None:
        with open_page_session(model_dir) as session:
            exact, half, coarse = (
                bisect_model(model_dir, graph, crop, session, precision).bisections[1]
                for precision in ("float32", "float16", "uint8")
            )
        assert (exact.runtime, exact.first_over(), half.first_over()) == ("tfjs:wasm", None, None)
        assert [block.block for block in exact.by_block()] == BLOCKS
        assert sum(row.own is not None for row in exact.rows) == 82
        assert 1e-7 < max(row.relative for row in exact.rows) < THRESHOLDS["float32"] / 5
        # float16 weights are off by half of 2^-10 at most, and no layer adds more than a few of these.
        assert 1e-5 < (half.largest_own.own or 0) < 2e-3
        assert coarse.first_over() is not None
        assert (coarse.largest_own.block, coarse.largest_own.part) == ("block 9", "depthwise")

    @pytest.mark.parametrize("change", [scale, put_nan])
    def test_a_damaged_weight_is_named(
        self, graph: ClassifierGraph, folder: Path, crop: Crops, change: Callable[[damage.Weights], None]
    ) -> None:
        node = damage.edit_tfjs_layer(folder, 44, change)
        with open_page_session(folder) as session:
            in_onnx, in_browser = bisect_model(folder, graph, crop, session).bisections
        assert in_onnx.first_over() is None
        first = in_browser.first_over()
        assert first is not None
        assert (first.node, first.block, first.part) == (node, "block 9", "project")
        assert in_browser.largest_own.node == node

    def test_neither_the_order_nor_the_names_of_nodes_matter_and_fused_gates_are_understood(
        self, graph: ClassifierGraph, folder: Path, crop: Crops
    ) -> None:
        damage.edit_model_json(folder, rewrite_harmlessly)
        with open_page_session(folder) as session:
            bisection = bisect_model(folder, graph, crop, session).bisections[1]
        assert bisection.first_over() is None
        assert sum(row.op == "_FusedConv2D" and row.part == "gate" for row in bisection.rows) == 16
        assert not [row for row in bisection.rows if row.part == "gate, activated"]


def rewrite_harmlessly(model: damage.ModelJson) -> None:
    """Fuse the 16 squeeze-and-excite gates with their sigmoids, rename every node and list them backwards."""
    nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
    for node in nodes.values():
        if node["op"] != "Sigmoid":
            continue
        (source,) = node["input"]
        is_silu = any(set(other.get("input", ())) == {node["name"], source} for other in nodes.values())
        if not is_silu:
            nodes[source]["attr"]["fused_ops"]["list"]["s"].append(base64.b64encode(b"Sigmoid").decode())
            node["op"] = "Identity"
    weights = {weight["name"] for group in model["weightsManifest"] for weight in group["weights"]}
    kept = {"input", "logits", "probabilities"} | weights
    renamed = {name: name if name in kept else f"n{index}" for index, name in enumerate(nodes)}
    for node in nodes.values():
        node["name"] = renamed[node["name"]]
        node["input"] = [renamed[name] for name in node.get("input", ())]
    model["modelTopology"]["node"].reverse()
