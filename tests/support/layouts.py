"""The original implementations of EfficientNet-B0, with weights that mean something, to compare ours with."""

from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import VARIANTS, EfficientNetB0, Variant, torchvision_keys
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.spec import Layout

LAYOUTS: tuple[Layout, ...] = tuple(VARIANTS)
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)

# On a busy machine torch's threads wait for each other: these small batches then take up to ten times as long.
torch.set_num_threads(1)

# PyPI's torchvision does not find its compiled operators beside the CPU build of torch, and then cannot be imported
# (timm imports it too). Naming the two that it looks for at import is enough: EfficientNet does not use them. Beside
# PyPI's own torch, which it was built for, it names them itself, and does not bear a second time.
if torch.version.cuda is None and "+" not in version("torchvision"):
    _torchvision_operators = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for _name in ("nms", "qnms"):
        _schema = f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        _torchvision_operators.define(_schema)  # type: ignore[no-untyped-call]


def normalised(crops_rgb: npt.NDArray[np.uint8]) -> Tensor:
    """Crops uint8 [N, H, W, 3] RGB -> float32 [N, 3, H, W], normalised."""
    batch = torch.from_numpy(crops_rgb).permute(0, 3, 1, 2).float() / 255
    return ((batch - torch.tensor(_MEAN).view(3, 1, 1)) / torch.tensor(_STD).view(3, 1, 1)).contiguous()


def builders() -> dict[Layout, Callable[[], nn.Module]]:
    """The original implementations, 7 classes."""
    import efficientnet_pytorch
    import timm
    from torchvision.models import efficientnet_b0

    return {
        "torchvision": lambda: efficientnet_b0(num_classes=7),
        "timm": lambda: timm.create_model("efficientnet_b0", num_classes=7),
        "timm_tf": lambda: timm.create_model("tf_efficientnet_b0", num_classes=7),
        "efficientnet_pytorch": lambda: efficientnet_pytorch.EfficientNet.from_name("efficientnet-b0", num_classes=7),
    }


def trained_weights() -> dict[str, Tensor]:
    """The shipped checkpoint's weights, float32, under torchvision's names."""
    return {key: value.float() for key, value in load_file(DEFAULT_CHECKPOINT).items() if value.is_floating_point()}


def load_trained(model: nn.Module, layout: Layout, trained: dict[str, Tensor], crops_nchw: Tensor) -> nn.Module:
    """Give an original implementation these weights, and the statistics that it takes from these crops itself."""
    state = {theirs: trained[own] for theirs, own in torchvision_keys(layout).items()}
    assert not model.load_state_dict(state, strict=False).unexpected_keys
    recalculate_statistics(model, crops_nchw)
    return model


def recalculate_statistics(model: nn.Module, crops_nchw: Tensor) -> None:
    """Set every batch norm's mean and variance to what these crops produce; leaves the model in eval mode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average over the batches
            module.reset_running_stats()
    model.train()
    torch.manual_seed(0)  # timm and efficientnet_pytorch drop blocks at random in training
    with torch.no_grad():
        model(crops_nchw)
    model.eval()


def ours(layout: Layout, state: dict[str, Tensor], variant: Variant | None = None) -> nn.Module:
    """Our network with a state dict of that layout; in another variant than the layout's if given."""
    model = EfficientNetB0(7, variant or VARIANTS[layout])
    model.load_state_dict({own: state[theirs] for theirs, own in torchvision_keys(layout).items()}, strict=False)
    return model.eval()


def largest_difference(actual: nn.Module, expected: nn.Module, batch_nchw: Tensor) -> float:
    """max |difference of logits|, infinite if any is not a finite number."""
    with torch.inference_mode():
        difference = (actual(batch_nchw) - expected(batch_nchw)).abs()
    return float(difference.max()) if bool(difference.isfinite().all()) else float("inf")
