"""What an exported network says of itself, and whether a manifest's spec fits it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reon_export.errors import ManifestError
from reon_export.spec import ModelSpec


@dataclass(frozen=True)
class NetworkFacts:
    """The labels that travel inside an artefact, and its shapes: `input_size` is (height, width), `outputs` by name."""

    labels: tuple[str, ...]
    input_size: tuple[int, int]
    outputs: Mapping[str, int]


def read_tfjs_facts(model_json: bytes, name: str) -> NetworkFacts:
    """From the bytes of a model.json. Raises ManifestError if it is no graph model of ours."""
    try:
        model = json.loads(model_json)
        signature = model["signature"]
        ((_, height, width, _),) = (_shape(info) for info in signature["inputs"].values())
        outputs = {output: _shape(info)[-1] for output, info in signature["outputs"].items()}
        return NetworkFacts(tuple(model["userDefinedMetadata"]["labels"]), (height, width), outputs)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ManifestError(f"{name} is no graph model of this tool ({error!r}); build it again") from error


def _shape(info: Any) -> list[int]:
    return [int(dimension["size"]) for dimension in info["tensorShape"]["dim"]]


def read_onnx_facts(session: Any, name: str) -> NetworkFacts:
    """From a session of ONNX Runtime. Raises ManifestError if it is no model of ours."""
    try:
        labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
        ((_, height, width, _),) = (node.shape for node in session.get_inputs())
        outputs = {node.name: node.shape[-1] for node in session.get_outputs()}
        return NetworkFacts(tuple(labels), (height, width), outputs)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ManifestError(f"{name} is no model of this tool ({error!r}); build it again") from error


def check_fits(facts: NetworkFacts, spec: ModelSpec, name: str) -> None:
    """Raise ManifestError if a network has other labels, outputs or another input than its manifest's spec says."""
    size, wanted = facts.input_size, (spec.input.height, spec.input.width)
    labels = tuple(label.key for label in spec.labels)
    if size != wanted:
        problem = f"takes crops of {_times(size)} pixels, the manifest lists {_times(wanted)}"
    elif missing := [
        output for output in (spec.output.logits, spec.output.probabilities) if output not in facts.outputs
    ]:
        problem = f"has no output {' and no output '.join(missing)}, it has: {', '.join(facts.outputs) or 'none'}"
    elif any(facts.outputs[output] != len(labels) for output in (spec.output.logits, spec.output.probabilities)):
        problem = f"has {facts.outputs[spec.output.logits]} outputs, the manifest lists {len(labels)} labels"
    elif facts.labels != labels:
        problem = f"has the labels {', '.join(map(str, facts.labels))}, the manifest lists {', '.join(labels)}"
    else:
        return
    raise ManifestError(f"{name} {problem}; build it again")


def _times(size: Sequence[object]) -> str:
    return " x ".join(map(str, size))
