"""Small model folders, for tests that run no network."""

import json
from pathlib import Path
from typing import Any

from reon_export.manifest import Artefact, Manifest, Source, describe_files, write_manifest
from reon_export.spec import ModelSpec


def write_tiny_model(folder: Path, spec: ModelSpec) -> Path:
    """A model folder of one TF.js artefact in two files, which hold no network; the folder comes back."""
    files = [folder / "tfjs-float32" / "model.json", folder / "tfjs-float32" / "group1-shard1of1.bin"]
    files[0].parent.mkdir(parents=True)
    files[0].write_text(json.dumps(tiny_graph(spec)), encoding="utf-8")
    files[1].write_bytes(bytes(1000))
    write_manifest(tiny_manifest(spec, describe_files(folder, files, "tfjs", "float32")), folder)
    return folder


def tiny_graph(spec: ModelSpec) -> dict[str, Any]:
    """A model.json without a graph: its signature and its labels."""

    def info(*shape: int) -> dict[str, Any]:
        return {"tensorShape": {"dim": [{"size": str(size)} for size in shape]}}

    classes = len(spec.labels)
    return {
        "signature": {
            "inputs": {"input": info(1, spec.input.height, spec.input.width, 3)},
            "outputs": {spec.output.logits: info(1, classes), spec.output.probabilities: info(1, classes)},
        },
        "userDefinedMetadata": {"labels": [label.key for label in spec.labels]},
    }


def tiny_manifest(spec: ModelSpec, *artefacts: Artefact) -> Manifest:
    """A manifest of these artefacts, from no checkpoint."""
    return Manifest(
        name="tiny",
        spec=spec,
        source=Source(file="tiny.pt", sha256="0" * 64, layout="torchvision", num_classes=7),
        artefacts=artefacts,
        built_at="2026-01-01T00:00:00+00:00",
        tools={},
    )
