"""The child process of `reon_export.export.onnx2tf_chain`: the only module that imports TensorFlow.

`python -m reon_export.export.onnx2tf_worker JOB`, JOB being the JSON object that `convert_with_onnx2tf` makes.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reon_export.export.onnx2tf_chain import report_step
from reon_export.export.weight_shards import SHARD_BYTES
from reon_export.spec import INPUT_TENSOR

# tensorflowjs' own wildcard for "every float32 weight". TF.js widens the weights to float32 when it loads them: a
# smaller precision shortens the download, not the inference.
EVERY_WEIGHT = "*"


def main(job: dict[str, Any]) -> None:
    """Do the job, reporting each step."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with _step("import TensorFlow"):
        import onnx2tf
        import tensorflow as tf
        from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter
    tf.get_logger().setLevel("ERROR")
    with _step("SavedModel"):
        keras_model = onnx2tf.convert(
            input_onnx_file_path=job["onnx"],
            batch_size=1,
            not_use_onnxsim=True,  # simplified before
            disable_model_save=True,  # saved below; onnx2tf would also write two TFLite models that nobody asked for
            check_onnx_tf_outputs_sample_data_normalization="denorm",  # the graph takes 0..255
            non_verbose=True,
        )
        _save_saved_model(tf, keras_model, Path("saved_model"), job["outputs"])
    with _step("TF.js graph"):
        converter.convert_tf_saved_model("saved_model", "graph")
        graph = _read_graph(Path("graph"), job["outputs"])
        # The labels travel inside the model too: a page that reads them in another order is refused.
        graph[0]["userDefinedMetadata"] = {"labels": job["labels"]}
    for precision in job["precisions"]:
        with _step(f"TF.js {precision}"):
            _write_precision(graph, precision, Path(job["out"]) / f"tfjs-{precision}")


def _end_with_parent() -> None:
    """Wait for the end of stdin, which the parent holds open for as long as it lives, however it dies."""
    os.read(0, 1)  # not sys.stdin, whose lock would be held when the interpreter ends
    os._exit(1)


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    report_step(name, time.perf_counter() - started)


def _save_saved_model(tf: Any, keras_model: Any, folder: Path, outputs: list[str]) -> None:
    """Save with the input and the outputs named: onnx2tf itself would call them Identity and Identity_1."""
    spec = tf.TensorSpec(keras_model.inputs[0].shape, tf.float32, INPUT_TENSOR)

    @tf.function(input_signature=[spec])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        return dict(zip(outputs, keras_model(image), strict=True))

    holder = tf.Module()
    holder.weights = keras_model.variables  # not the model itself: saving its 800 layers one by one takes 20 s
    holder.serve = serve
    tf.saved_model.save(holder, str(folder), signatures={"serving_default": serve})


def _read_graph(folder: Path, outputs: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The optimised graph's model.json and its float32 weights, outputs renamed to what they are."""
    from tensorflowjs import read_weights

    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    _name_outputs(model, outputs)
    groups = read_weights.read_weights(model["weightsManifest"], str(folder), flatten=True)
    return model, groups


def _name_outputs(model: dict[str, Any], outputs: list[str]) -> None:
    """Rename the graph's output nodes, so that `model.execute(x, ["logits", "probabilities"])` works by name.

    A dict of outputs leaves tf.function flattened by sorted key, as Identity, Identity_1, ...
    """
    names = {f"Identity_{index}" if index else "Identity": name for index, name in enumerate(sorted(outputs))}
    nodes = model["modelTopology"]["node"]
    held = {node["name"] for node in nodes}
    if not names.keys() <= held:
        raise SystemExit(f"the graph has no outputs {', '.join(names)}")
    for node in nodes:
        node["name"] = names.get(node["name"], node["name"])
    signature = model["signature"]
    shapes = {info["name"].split(":")[0]: info for info in signature["outputs"].values()}
    signature["outputs"] = {name: {**shapes[old], "name": f"{name}:0"} for old, name in names.items()}


def _write_precision(graph: tuple[dict[str, Any], list[dict[str, Any]]], precision: Any, folder: Path) -> None:
    from tensorflowjs import write_weights

    model, weights = graph
    folder.mkdir(parents=True)
    manifest = write_weights.write_weights(
        [weights],
        str(folder),
        write_manifest=False,
        quantization_dtype_map={} if precision == "float32" else {precision: EVERY_WEIGHT},
        shard_size_bytes=SHARD_BYTES,
    )
    # Sorted, because protobuf maps come in a random order: the same checkpoint gives the same bytes.
    content = json.dumps({**model, "weightsManifest": manifest}, separators=(",", ":"), sort_keys=True)
    (folder / "model.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
