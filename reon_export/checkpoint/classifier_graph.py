"""The whole computation of a classifier in torch: normalisation, network, softmax."""

import torch

from reon_export.spec import ModelSpec


class ClassifierGraph(torch.nn.Module):
    """The whole computation that is exported: normalisation, network, softmax.

    Takes float32 [N, 3, H, W], RGB 0..255; returns logits and probabilities, float32 [N, C] each. Frozen, in eval mode.
    """

    def __init__(self, network: torch.nn.Module, spec: ModelSpec) -> None:
        """Wrap `network` (normalised NCHW float32 to logits)."""
        super().__init__()
        self.network = network
        self.mean = torch.nn.Buffer(torch.tensor(spec.normalisation.mean).view(1, 3, 1, 1))
        self.std = torch.nn.Buffer(torch.tensor(spec.normalisation.std).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    def normalise(self, batch_nchw: torch.Tensor) -> torch.Tensor:
        """(x / 255 - mean) / std, as torchvision's ToTensor and Normalize do it: what the network itself takes."""
        return (batch_nchw / 255 - self.mean) / self.std

    def forward(self, batch_nchw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalisation, network, softmax."""
        logits = self.network(self.normalise(batch_nchw))
        return logits, torch.softmax(logits, dim=1)
