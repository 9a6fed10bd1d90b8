"""Runs a TF.js graph model in Node, with TF.js alone: nothing of this project takes part."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from reon_export.export.graph_def import GraphModel
from tests.support.node import run_in_node

_RUN = """async ({json, weights, input, shape, outputs}) => {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  const {loadGraphModel} = await import('@tensorflow/tfjs-converter');
  await tf.setBackend('cpu');
  const decode = (text) => Uint8Array.from(Buffer.from(text, 'base64')).buffer;
  const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
  const artefacts = {...json, weightSpecs, weightData: decode(weights)};
  const model = await loadGraphModel({load: async () => artefacts});
  const tensors = [model.execute(tf.tensor(new Float32Array(decode(input)), shape), outputs)].flat();
  return tensors.map((tensor) => ({shape: tensor.shape, values: Array.from(tensor.dataSync())}));
}"""


def run_model(
    model: dict[str, Any], weights: bytes, batch_nhwc: npt.NDArray[Any], outputs: list[str]
) -> list[npt.NDArray[np.float64]]:
    """The outputs of a parsed model.json with the bytes of its shards."""
    answers = run_in_node(
        _RUN,
        {
            "json": model,
            "weights": base64.b64encode(weights).decode(),
            "input": base64.b64encode(batch_nhwc.astype("<f4").tobytes()).decode(),
            "shape": list(batch_nhwc.shape),
            "outputs": outputs,
        },
    )
    return [np.array(answer["values"]).reshape(answer["shape"]) for answer in answers]


def as_model(graph: GraphModel) -> tuple[dict[str, Any], bytes]:
    """A graph as model.json and weights in float32."""
    entries = [
        {"name": name, "shape": list(v.shape), "dtype": "int32" if v.dtype == np.int32 else "float32"}
        for name, v in graph.weights.items()
    ]
    model = {
        "format": "graph-model",
        "modelTopology": {"node": graph.nodes, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": [], "weights": entries}],
    }
    return model, b"".join(v.tobytes() for v in graph.weights.values())
