"""A TF.js graph: `GraphDef` as JSON, and the values of its constants.

See tensorflow/core/framework/graph.proto and tfjs-converter's `operation_mapper`.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from reon_export.errors import ExportError

Array = npt.NDArray[Any]


@dataclass
class GraphModel:
    """A TF.js graph: its nodes as GraphDef has them, and the values of its constants, in order of use."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def add(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node of float32; its name comes back."""
        self._append(name, op, {"T": {"type": "DT_FLOAT"}, **attributes}, inputs)
        return name

    def constant(self, name: str, values: Array) -> str:
        """Add a constant, float32 or int32; its name comes back."""
        kind = "DT_INT32" if np.issubdtype(values.dtype, np.integer) else "DT_FLOAT"
        self.weights[name] = np.ascontiguousarray(values, np.int32 if kind == "DT_INT32" else np.float32)
        shape = {"dim": [{"size": str(size)} for size in values.shape]}
        tensor = {"dtype": kind, "tensorShape": shape}
        self._append(name, "Const", {"dtype": {"type": kind}, "value": {"tensor": tensor}})
        return name

    def placeholder(self, name: str, shape: tuple[int, ...]) -> None:
        """Add the graph's input."""
        dimensions = {"dim": [{"size": str(size)} for size in shape]}
        self._append(name, "Placeholder", {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": dimensions}})

    def _append(self, name: str, op: str, attributes: dict[str, Any], inputs: list[str] | None = None) -> None:
        if name in self._names:
            raise ExportError(f"two nodes of the TF.js graph would be called {name}; build with --converter onnx2tf")
        self._names.add(name)
        self.nodes.append({"name": name, "op": op, "input": inputs or [], "attr": attributes})


def string(text: str) -> dict[str, str]:
    """An attribute that is a text."""
    return {"s": base64.b64encode(text.encode()).decode()}


def strings(*texts: str) -> dict[str, Any]:
    """An attribute that is a list of texts."""
    return {"list": {"s": [string(text)["s"] for text in texts]}}


def integers(*values: int) -> dict[str, Any]:
    """An attribute that is a list of integers."""
    return {"list": {"i": [str(value) for value in values]}}
