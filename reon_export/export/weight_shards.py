"""A TF.js graph model's files: model.json and its weights, whole or in fewer bits.

The layout is tfjs-core's `io.WeightsManifestConfig`. A quantised weight is read back as stored * scale + min, and zero
stays exactly zero. TF.js widens all weights to float32 when it loads them: fewer bits shorten the download alone.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reon_export.export.graph_def import GraphModel
from reon_export.manifest import Precision
from reon_export.spec import INPUT_TENSOR, ModelSpec

# Small enough to be cached by browsers, large enough for few requests; what tensorflowjs takes.
SHARD_BYTES: Final = 4 * 1024 * 1024


def write_graph_model(graph: GraphModel, spec: ModelSpec, precision: Precision, folder: Path, made_by: str) -> None:
    """Write `folder`/model.json and its shards. The same graph gives the same bytes."""
    folder.mkdir(parents=True)
    encoded = [_encode(name, values, precision) for name, values in graph.weights.items()]
    data = b"".join(stored for _, stored in encoded)
    shards = [data[start : start + SHARD_BYTES] for start in range(0, len(data), SHARD_BYTES)]
    paths = [f"group1-shard{index}of{len(shards)}.bin" for index in range(1, len(shards) + 1)]
    for path, shard in zip(paths, shards, strict=True):
        (folder / path).write_bytes(shard)
    model = {
        "format": "graph-model",
        "generatedBy": made_by,
        "convertedBy": made_by,
        "signature": _signature(spec),
        # The labels travel inside the model too: a page that reads them in another order is refused.
        "userDefinedMetadata": {"labels": [label.key for label in spec.labels], "spec": spec.model_dump(mode="json")},
        "modelTopology": {"node": graph.nodes, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": paths, "weights": [entry for entry, _ in encoded]}],
    }
    content = json.dumps(model, separators=(",", ":"), ensure_ascii=False)
    (folder / "model.json").write_text(content, encoding="utf-8")


def _signature(spec: ModelSpec) -> dict[str, Any]:
    def tensor(name: str, *shape: int) -> dict[str, Any]:
        dimensions = [{"size": str(size)} for size in shape]
        return {"name": f"{name}:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": dimensions}}

    outputs = (spec.output.logits, spec.output.probabilities)
    return {
        "inputs": {INPUT_TENSOR: tensor(INPUT_TENSOR, 1, spec.input.height, spec.input.width, 3)},
        "outputs": {name: tensor(name, 1, len(spec.labels)) for name in outputs},
    }


def _encode(name: str, values: npt.NDArray[Any], precision: Precision) -> tuple[dict[str, Any], bytes]:
    """A weight's entry in the manifest, and its bytes. Integers (shapes) are never quantised."""
    entry: dict[str, Any] = {"name": name, "shape": list(values.shape), "dtype": "float32"}
    if np.issubdtype(values.dtype, np.integer):
        return {**entry, "dtype": "int32"}, values.astype("<i4").tobytes()
    if precision == "float32":
        return entry, values.astype("<f4").tobytes()
    if precision == "float16":
        return {**entry, "quantization": {"dtype": "float16", "original_dtype": "float32"}}, values.astype(
            "<f2"
        ).tobytes()
    stored, scale, least = quantise_uint8(values)
    coding = {"dtype": "uint8", "original_dtype": "float32", "scale": scale, "min": least}
    return {**entry, "quantization": coding}, stored.tobytes()


def quantise_uint8(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], float, float]:
    """Weights in 256 even steps, with the steps' size and the lowest: one step is exactly zero."""
    least, most = min(float(values.min(initial=0)), 0.0), max(float(values.max(initial=0)), 0.0)
    if least == most:
        return np.zeros(values.shape, np.uint8), 1.0, 0.0
    scale = (most - least) / 255
    zero = round(-least / scale)
    stored = np.clip(np.rint(values.astype(np.float64) / scale) + zero, 0, 255).astype(np.uint8)
    return stored, scale, -zero * scale
