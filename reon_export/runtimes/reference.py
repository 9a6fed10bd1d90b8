"""What every runtime is compared with: the checkpoint that a model folder was made from."""

from pathlib import Path
from typing import TYPE_CHECKING

from reon_export.errors import ManifestError, ParityError
from reon_export.manifest import Manifest
from reon_export.paths import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from reon_export.checkpoint.classifier_graph import ClassifierGraph


def load_reference(manifest: Manifest, checkpoint: Path | None) -> "ClassifierGraph":
    """The torch graph of the checkpoint that a model folder was made from, its SHA-256 checked.

    Without `checkpoint`, the project's default checkpoint is taken. Raises ParityError if it is another file.
    """
    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import LoadOptions, load_checkpoint
    from reon_export.checkpoint.weights_file import read_weights

    path = checkpoint or DEFAULT_CHECKPOINT
    weights = read_weights(path)
    if weights.sha256 != manifest.source.sha256:
        raise ParityError(
            f"{path} is not the checkpoint of this model folder: its SHA-256 is {weights.sha256[:12]}…, "
            f"the manifest lists {manifest.source.sha256[:12]}… ({manifest.source.file}); "
            "pass that file with --checkpoint"
        )
    source = manifest.source
    loaded = load_checkpoint(weights, LoadOptions(source.layout, source.image_size, source.entry))
    if loaded.num_classes != len(manifest.spec.labels):
        raise ManifestError(
            f"{path} has {loaded.num_classes} outputs, the manifest lists {len(manifest.spec.labels)} labels; build it "
            "again"
        )
    return ClassifierGraph(loaded.model, manifest.spec)
