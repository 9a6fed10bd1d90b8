"""The reference: the checkpoint itself, float32 on the CPU."""

from typing import TYPE_CHECKING

from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Array, Crops, Predictions
from reon_export.runtimes.runtime import as_float32, classify_in_batches
from reon_export.runtimes.runtime_id import TORCH
from reon_export.spec import ModelSpec

if TYPE_CHECKING:
    from reon_export.checkpoint.classifier_graph import ClassifierGraph


class TorchRuntime:
    """The graph that is exported, run by torch."""

    id = TORCH

    def __init__(self, graph: "ClassifierGraph", spec: ModelSpec) -> None:
        """Wrap the graph."""
        self.labels = tuple(label.key for label in spec.labels)
        self._graph = graph

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress = ignore_progress) -> Predictions:
        """See Runtime."""
        import torch

        def run(batch: Crops) -> tuple[Array, Array]:
            batch_nchw = torch.from_numpy(as_float32(batch)).permute(0, 3, 1, 2).contiguous()
            with torch.inference_mode():
                logits, probabilities = self._graph(batch_nchw)
            return logits.numpy(), probabilities.numpy()

        return classify_in_batches(run, crops_rgb, self, on_progress)
