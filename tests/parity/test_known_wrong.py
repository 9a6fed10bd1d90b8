"""The whole parity job on models that are wrong in a known way: every one is caught, and named for what it is.

Unless the damage is to the files themselves, the manifest's hashes are made to fit: only the comparison can tell.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from reon_export.checkpoint.classifier_graph import ClassifierGraph
from reon_export.checkpoint.load import load_checkpoint
from reon_export.errors import FaceError
from reon_export.export.onnx import export_onnx, save_onnx, simplify_onnx
from reon_export.manifest import read_manifest, write_manifest
from reon_export.parity.job import ParityOptions, run_parity
from reon_export.parity.records import Cell, ParityRun
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.runtimes.runtime_id import parse_runtime
from reon_export.spec import ModelSpec, Normalisation
from tests.support import damage
from tests.support.face_folders import write_crops

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OVER = r"max \|Δp\| \d\.\d\de[-+]\d\d is over 1e-05"
LAYER = 40  # in the middle of the network


def ignore(name: str, done: int, total: int) -> None:
    del name, done, total


def compare(folder: Path, runtime: str, crops: Path | None = None) -> tuple[ParityRun, Cell]:
    options = ParityOptions(
        folder,
        crops=crops or folder.parent / "crops",
        rungs=("tensor",),
        runtimes=(parse_runtime(runtime),),
        precisions=("float32",),
    )
    run = run_parity(options, ignore)
    (cell,) = run.cells
    return run, cell


def expect_failed(folder: Path, runtime: str, reason: str) -> Cell:
    """The job fails, and the first thing that it says of the runtime matches `reason`."""
    run, cell = compare(folder, runtime)
    assert (run.verdict, cell.verdict) == ("failed", "failed")
    assert cell.reasons
    assert "\n" not in "".join(cell.reasons)
    assert re.search(reason, cell.reasons[0]), cell.reasons[0]
    return cell


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path, face_crops_rgb: npt.NDArray[np.uint8]) -> Path:
    """A copy to be damaged. Beside it, 8 crops: cutting them anew would take longer than most of these comparisons."""
    write_crops(tmp_path / "crops", face_crops_rgb[:8])
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


@pytest.mark.parametrize("runtime", ["onnx", "tfjs:wasm", "kernels"])
def test_an_undamaged_copy_passes(folder: Path, runtime: str) -> None:
    damage.hash_again(folder)  # the helper itself does no damage
    run, cell = compare(folder, runtime)
    assert (run.verdict, cell.verdict, cell.reasons) == ("passed", "passed", ())


def scale(weights: damage.Weights) -> None:
    weights *= 1.01


def put_nan(weights: damage.Weights) -> None:
    weights[7] = np.nan


EDIT_LAYER: dict[str, Callable[[Path, int, Callable[[damage.Weights], None]], str]] = {
    "onnx": damage.edit_onnx_layer,
    "tfjs:wasm": damage.edit_tfjs_layer,
    "kernels": damage.edit_tfjs_layer,
}


@pytest.mark.parametrize("runtime", EDIT_LAYER)
def test_one_convolution_scaled_by_a_hundredth(folder: Path, runtime: str) -> None:
    EDIT_LAYER[runtime](folder, LAYER, scale)
    expect_failed(folder, runtime, OVER)


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ("onnx", r"^logits hold 56 values that are not finite$"),
        *(
            (
                runtime,
                rf"^in the browser: The model's output on the {backend} backend is not usable: it is not a finite",
            )
            for runtime, backend in (("tfjs:wasm", "wasm"), ("kernels", "kernels"))
        ),
    ],
)
def test_nan_in_a_weight(folder: Path, runtime: str, reason: str) -> None:
    EDIT_LAYER[runtime](folder, LAYER, put_nan)
    expect_failed(folder, runtime, reason)


@pytest.mark.parametrize(("name", "axis"), [("flipped image", 2), ("BGR for RGB", 3)])
@pytest.mark.parametrize("runtime", ["onnx", "tfjs:wasm"])  # the kernels refuse the node that does it
def test_input_reversed(folder: Path, runtime: str, name: str, axis: int) -> None:
    if runtime == "onnx":
        damage.edit_onnx(folder, lambda model: damage.reverse_input_of_onnx(model, axis))
    else:
        damage.reverse_input_of_tfjs(folder, axis)
    cell = expect_failed(folder, runtime, OVER)
    assert cell.measurement is not None
    # Far from rounding: the same faces are read another way.
    assert cell.measurement.max_abs_prob > 1e-2, name


def test_missing_normalisation(folder: Path, default_spec: ModelSpec) -> None:
    bare = default_spec.model_copy(update={"normalisation": Normalisation(mean=(0, 0, 0), std=(1, 1, 1))})
    checkpoint = load_checkpoint(DEFAULT_CHECKPOINT)
    exported = export_onnx(ClassifierGraph(checkpoint.model, bare), default_spec, opset=17)
    save_onnx(simplify_onnx(exported, default_spec, checkpoint.sha256).nhwc, folder / "model.onnx")
    damage.hash_again(folder)
    cell = expect_failed(folder, "onnx", OVER)
    assert cell.measurement is not None
    assert cell.measurement.max_abs_prob > 1e-2


def test_softmax_left_out_of_onnx(folder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
        softmax.op_type = "Identity"
        del softmax.attribute[:]

    damage.edit_onnx(folder, edit)
    expect_failed(
        folder, "onnx", r"^probabilities are not a distribution \(sum off by .*, lowest -.*\): softmax left out\?$"
    )


def test_softmax_left_out_of_tfjs(folder: Path) -> None:
    def edit(model: damage.ModelJson) -> None:
        (softmax,) = (node for node in model["modelTopology"]["node"] if node["op"] == "Softmax")
        softmax["op"] = "Identity"

    damage.edit_model_json(folder, edit)
    expect_failed(
        folder,
        "tfjs:wasm",
        r"^in the browser: The model's output on the wasm backend is not usable: the probabilities sum to -?\d",
    )


def test_swapped_labels_in_the_manifest(folder: Path) -> None:
    manifest = read_manifest(folder)
    first, second, *rest = manifest.spec.labels
    spec = manifest.spec.model_copy(update={"labels": (second, first, *rest)})
    write_manifest(manifest.model_copy(update={"spec": spec}), folder)
    expect_failed(
        folder, "onnx", rf"has the labels {first.key}, {second.key}, .*, the manifest lists {second.key}, {first.key}, "
    )
    expect_failed(
        folder,
        "tfjs:wasm",
        rf"its labels are {first.key}, {second.key}, .*, the manifest lists {second.key}, {first.key}, ",
    )


def test_swapped_labels_in_the_onnx_metadata(folder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        (labels,) = (entry for entry in model.metadata_props if entry.key == "labels")
        first, second, *rest = labels.value.strip("[]").split(", ")
        labels.value = f"[{', '.join((second, first, *rest))}]"

    damage.edit_onnx(folder, edit)
    expect_failed(folder, "onnx", r"has the labels disgust, anger, .*, the manifest lists anger, disgust, ")


def test_a_shard_cut_short(folder: Path) -> None:
    shard = damage.truncate_last_shard(folder, 1000)
    size = shard.stat().st_size
    expect_failed(
        folder,
        "tfjs:wasm",
        rf"^in the browser: The model file tfjs-float32/{shard.name} has {size} bytes, "
        rf"the manifest lists {size + 1000}\. It is damaged and was not loaded\.$",
    )


def test_a_shard_with_one_bit_turned(folder: Path) -> None:
    shard = damage.truncate_last_shard(folder, 1)
    shard.write_bytes(shard.read_bytes() + b"\xff")
    expect_failed(
        folder,
        "tfjs:wasm",
        rf"^in the browser: The model file tfjs-float32/{shard.name} is not the one that was built: its SHA-256 hash "
        r"is [0-9a-f]{64}, the manifest lists [0-9a-f]{64}\. It was not loaded\.$",
    )


def test_a_shard_cut_short_and_hashed_again(folder: Path) -> None:
    damage.truncate_last_shard(folder, 1000)
    damage.hash_again(folder)
    expect_failed(
        folder,
        "tfjs:wasm",
        r"^in the browser: The model cannot be used: Based on the provided shape, \[[\d,]+\], "
        r"the tensor should have \d+ values but has \d+\. Build it again",
    )


def test_an_onnx_model_cut_short_and_hashed_again(folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    damage.hash_again(folder)
    expect_failed(folder, "onnx", r"^ONNX Runtime cannot load the model: .*protobuf parsing failed; build it again$")


def test_an_output_renamed_in_the_signature(folder: Path) -> None:
    def edit(model: damage.ModelJson) -> None:
        outputs = model["signature"]["outputs"]
        outputs["scores"] = outputs.pop("probabilities")

    damage.edit_model_json(folder, edit)
    expect_failed(
        folder,
        "tfjs:wasm",
        r'^in the browser: The model cannot be used: its signature has no output "probabilities", '
        r"it has: logits, scores\. Build it again",
    )


def test_an_output_renamed_in_the_graph(folder: Path) -> None:
    def edit(model: damage.ModelJson) -> None:
        (node,) = (node for node in model["modelTopology"]["node"] if node["name"] == "probabilities")
        node["name"] = "scores"

    damage.edit_model_json(folder, edit)
    expect_failed(
        folder, "tfjs:wasm", r"^in the browser: The model cannot be used: The output 'probabilities:0' is not"
    )


def test_an_output_renamed_in_onnx(folder: Path) -> None:
    def edit(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.output[:] = ["scores" if name == "probabilities" else name for name in node.output]
        model.graph.output[1].name = "scores"

    damage.edit_onnx(folder, edit)
    expect_failed(
        folder, "onnx", r"^the ONNX model has no output probabilities, it has: logits, scores; build it again$"
    )


def test_an_empty_crop_folder(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceError, match=r"^no image below .*; --crops expects at least one face crop$"):
        compare(model_dir, "onnx", crops=tmp_path)
