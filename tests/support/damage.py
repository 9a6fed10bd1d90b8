"""Copies of a model folder, damaged on purpose, with hashes that fit: only a comparison can tell."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from reon_export.manifest import Precision, describe_file, read_manifest, write_manifest
from reon_export.parity.bisect.dataflow import read_onnx_dataflow, read_tfjs_dataflow

Weights = npt.NDArray[np.float32]
ModelJson = dict[str, Any]
_BYTES = {"float32": 4, "int32": 4}


def hash_again(folder: Path) -> None:
    """Make the manifest fit the files as they are now, as somebody who meant the damage would.

    Nothing reads the size after gzip but people: it stays, since compressing everything takes seconds.
    """
    manifest = read_manifest(folder)
    artefacts = []
    for artefact in manifest.artefacts:
        files = tuple(describe_file(folder, folder / entry.path) for entry in artefact.files)
        artefacts.append(artefact.model_copy(update={"files": files, "bytes": sum(entry.bytes for entry in files)}))
    write_manifest(manifest.model_copy(update={"artefacts": tuple(artefacts)}), folder)


def edit_model_json(folder: Path, change: Callable[[ModelJson], None], precision: Precision = "float32") -> None:
    path = folder / f"tfjs-{precision}" / "model.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    change(model)
    path.write_text(json.dumps(model), encoding="utf-8")
    hash_again(folder)


def edit_onnx(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(folder / "model.onnx")
    change(model)
    onnx.save(model, folder / "model.onnx")
    hash_again(folder)


def edit_tfjs_layer(folder: Path, number: int, change: Callable[[Weights], None]) -> str:
    """Change the float32 weight of the layer at index `number` in its shard, in place; returns the node's name."""
    model = json.loads((folder / "tfjs-float32" / "model.json").read_text(encoding="utf-8"))
    node = read_tfjs_dataflow(model).layers()[number]
    (group,) = model["weightsManifest"]
    shards = [folder / "tfjs-float32" / name for name in group["paths"]]
    content = bytearray(b"".join(shard.read_bytes() for shard in shards))
    start = 0
    for weight in group["weights"]:
        count = math.prod(weight["shape"])
        if weight["name"] == node.inputs[1]:
            change(np.frombuffer(content, "<f4", count, start))
            break
        start += count * _BYTES[weight["dtype"]]
    else:
        raise AssertionError(f"{node.inputs[1]} is not in the weights manifest")
    ends = np.cumsum([shard.stat().st_size for shard in shards])
    for shard, end in zip(shards, ends, strict=True):
        shard.write_bytes(content[end - shard.stat().st_size : end])
    hash_again(folder)
    return node.output


def edit_onnx_layer(folder: Path, number: int, change: Callable[[Weights], None]) -> str:
    """The same in the ONNX model."""
    model = onnx.load(folder / "model.onnx")
    name = change_onnx_weight(model, number, change)
    onnx.save(model, folder / "model.onnx")
    hash_again(folder)
    return name


def change_onnx_weight(model: onnx.ModelProto, number: int, change: Callable[[Weights], None]) -> str:
    """Change the weight of the layer at index `number` in place; returns the name of the layer's result."""
    node = read_onnx_dataflow(model).layers()[number]
    (weight,) = (item for item in model.graph.initializer if item.name == node.inputs[1])
    values = np.array(numpy_helper.to_array(weight))
    change(values.reshape(-1))
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    return node.output


def reverse_input_of_onnx(model: onnx.ModelProto, axis: int) -> None:
    """Mirror the NHWC input along an axis before anything else happens: 2 flips the face, 3 makes BGR of RGB."""
    constants = {"starts": [-1], "ends": [-(2**31)], "axes": [axis], "steps": [-1]}
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), f"reverse_{name}"))
    for node in model.graph.node:
        node.input[:] = ["reversed" if name == "input" else name for name in node.input]
    names = [f"reverse_{name}" for name in constants]
    model.graph.node.insert(0, onnx.helper.make_node("Slice", ["input", *names], ["reversed"], name="reverse"))


def reverse_input_of_tfjs(folder: Path, axis: int) -> None:
    """The same in the float32 TF.js model; the axis becomes one more weight, at the end of the last shard."""

    def edit(model: ModelJson) -> None:
        (group,) = model["weightsManifest"]
        group["weights"].append({"name": "reverse_axis", "shape": [1], "dtype": "int32"})
        with (folder / "tfjs-float32" / group["paths"][-1]).open("ab") as shard:
            shard.write(np.array([axis], "<i4").tobytes())
        nodes = model["modelTopology"]["node"]
        for node in nodes:
            node["input"] = ["reversed" if name == "input" else name for name in node.get("input", ())]
        shape = {"dim": [{"size": "1"}]}
        value = {"tensor": {"dtype": "DT_INT32", "tensorShape": shape}}
        axis_node = {"name": "reverse_axis", "op": "Const", "attr": {"dtype": {"type": "DT_INT32"}, "value": value}}
        types = {"T": {"type": "DT_FLOAT"}, "Tidx": {"type": "DT_INT32"}}
        nodes += [axis_node, {"name": "reversed", "op": "ReverseV2", "input": ["input", "reverse_axis"], "attr": types}]

    edit_model_json(folder, edit)


def truncate_last_shard(folder: Path, count: int) -> Path:
    """Cut bytes off the end of the float32 TF.js weights; the manifest is left as it is."""
    shard = sorted((folder / "tfjs-float32").glob("*.bin"))[-1]
    shard.write_bytes(shard.read_bytes()[:-count])
    return shard
