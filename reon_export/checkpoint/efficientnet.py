"""EfficientNet-B0 in plain torch: one network that computes what torchvision, timm or efficientnet_pytorch do.

The four layouts differ in the names of their tensors and in three properties that no tensor shows: how the
stride-2 convolutions are padded, the epsilon of the batch norms, and how SiLU rounds. They are knobs here
(`Variant`); the names are torchvision's. Dropout and stochastic depth do nothing at inference and are left out.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from reon_export.spec import Layout

# symmetric: k // 2 on every side. same: TensorFlow's rule, from the size of the actual input. fixed: the same rule
# for an image of `Variant.image_size`, whatever the input is (efficientnet_pytorch's Conv2dStaticSamePadding).
Padding = Literal["symmetric", "same", "fixed"]

# fused: nn.SiLU. product: x * sigmoid(x), efficientnet_pytorch's MemoryEfficientSwish. The same function, but
# rounded once more: where the original takes the product, fused moved the logits by up to 9.1e-6.
Activation = Literal["fused", "product"]


DEFAULT_IMAGE_SIZE: Final = 224  # of efficientnet_pytorch's efficientnet-b0


@dataclass(frozen=True)
class Variant:
    """What the weights do not tell: the padding rule, what is added to a variance before its root, SiLU's rounding.

    `image_size` (pixels, height and width) counts only where the padding is "fixed".
    """

    padding: Padding
    batch_norm_epsilon: float
    activation: Activation = "fused"
    image_size: int = DEFAULT_IMAGE_SIZE

    def paddings(self) -> tuple[tuple[int, int], ...]:
        """Zeros before and after, for the kernel and the size at each of the five convolutions with stride 2."""
        sizes = [math.ceil(self.image_size / 2**halvings) for halvings in range(len(_STRIDED_KERNELS))]
        return tuple(_same_padding(size, kernel, 2) for size, kernel in zip(sizes, _STRIDED_KERNELS, strict=True))


VARIANTS: Final[dict[Layout, Variant]] = {
    "torchvision": Variant("symmetric", 1e-5),
    "timm": Variant("symmetric", 1e-5),  # timm.create_model("efficientnet_b0")
    "timm_tf": Variant("same", 1e-3),  # timm.create_model("tf_efficientnet_b0")
    "efficientnet_pytorch": Variant("fixed", 1e-3, "product"),  # EfficientNet.from_name("efficientnet-b0")
}


@dataclass(frozen=True)
class Stage:
    """A run of equal blocks; only the first one strides and widens."""

    expansion: int
    kernel: int
    stride: int
    width: int
    blocks: int


# Table 1 of "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (arXiv 1905.11946).
STAGES: Final = (
    Stage(expansion=1, kernel=3, stride=1, width=16, blocks=1),
    Stage(expansion=6, kernel=3, stride=2, width=24, blocks=2),
    Stage(expansion=6, kernel=5, stride=2, width=40, blocks=2),
    Stage(expansion=6, kernel=3, stride=2, width=80, blocks=3),
    Stage(expansion=6, kernel=5, stride=1, width=112, blocks=3),
    Stage(expansion=6, kernel=5, stride=2, width=192, blocks=4),
    Stage(expansion=6, kernel=3, stride=1, width=320, blocks=1),
)
STEM_WIDTH: Final = 32
HEAD_WIDTH: Final = 1280
_STRIDED_KERNELS: Final = (3, *(stage.kernel for stage in STAGES if stage.stride == 2))  # the stem's first


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME: as little as makes ceil(size / stride) outputs, the odd pixel at the end."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class PaddedConv(nn.Conv2d):
    """A convolution without bias that pads its input by one of the three rules. NCHW in, NCHW out.

    `fixed_padding` is what "fixed" puts before and after, whatever the size of the input.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        padding: Padding,
        kernel: int = 1,
        stride: int = 1,
        fixed_padding: tuple[int, int] = (0, 0),
    ) -> None:
        # With stride 1 and an odd kernel the three rules agree. Padding inside the convolution costs no node.
        inside = kernel // 2 if padding == "symmetric" or stride == 1 else 0
        # A kernel wider than one pixel is depthwise everywhere but on the image itself.
        groups = channels_in if kernel > 1 and channels_in == channels_out else 1
        super().__init__(channels_in, channels_out, kernel, stride, inside, groups=groups, bias=False)
        self.rule: Padding = "symmetric" if stride == 1 else padding
        self.fixed_padding = fixed_padding

    def forward(self, batch_nchw: Tensor) -> Tensor:
        """Pad, then convolve; NCHW in, NCHW out."""
        if self.rule == "fixed":
            batch_nchw = functional.pad(batch_nchw, [*self.fixed_padding, *self.fixed_padding])
        elif self.rule == "same":
            height, width = _fixed_size(batch_nchw)
            kernel, stride = self.kernel_size[0], self.stride[0]
            vertical, horizontal = (_same_padding(size, kernel, stride) for size in (height, width))
            batch_nchw = functional.pad(batch_nchw, [*horizontal, *vertical])
        return super().forward(batch_nchw)


def _fixed_size(batch_nchw: Tensor) -> tuple[int, int]:
    """Height and width as plain numbers, so that an exported graph holds its padding as constants."""
    if not torch.onnx.is_in_onnx_export():
        return batch_nchw.shape[2], batch_nchw.shape[3]
    with warnings.catch_warnings():
        # The tracer warns that these become constants; that is what is wanted: exports have a fixed size.
        warnings.filterwarnings("ignore", message="Converting a tensor to a Python")
        return int(batch_nchw.shape[2]), int(batch_nchw.shape[3])


class ProductSiLU(nn.Module):
    """SiLU rounded twice, as x * sigmoid(x). Any shape in, the same shape out."""

    def forward(self, values: Tensor) -> Tensor:
        """Every value times its own sigmoid."""
        return values * torch.sigmoid(values)


def _silu(variant: Variant) -> nn.Module:
    return ProductSiLU() if variant.activation == "product" else nn.SiLU()


def _conv_norm(convolution: PaddedConv, variant: Variant, *, activation: bool = True) -> nn.Sequential:
    """The convolution and its batch norm; then SiLU, unless it is a projection."""
    norm = nn.BatchNorm2d(convolution.out_channels, eps=variant.batch_norm_epsilon)
    return nn.Sequential(convolution, norm, *([_silu(variant)] if activation else []))


class SqueezeExcite(nn.Module):
    """Scales every channel by a gate in 0..1 that is computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int, variant: Variant) -> None:
        super().__init__()
        self.activation = _silu(variant)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)

    def forward(self, batch_nchw: Tensor) -> Tensor:
        """NCHW in, the same shape out."""
        means = batch_nchw.mean(dim=(2, 3), keepdim=True)
        gate = torch.sigmoid(self.fc2(self.activation(self.fc1(means))))
        return batch_nchw * gate


class InvertedResidual(nn.Module):
    """Expand, filter each channel, squeeze and excite, project; plus the input where the shapes allow it."""

    def __init__(
        self, width_in: int, stage: Stage, stride: int, variant: Variant, fixed_padding: tuple[int, int]
    ) -> None:
        super().__init__()
        expanded = width_in * stage.expansion
        padding = variant.padding
        expand = PaddedConv(width_in, expanded, padding)
        depthwise = PaddedConv(expanded, expanded, padding, stage.kernel, stride, fixed_padding)
        project = PaddedConv(expanded, stage.width, padding)
        self.block = nn.Sequential(
            *([_conv_norm(expand, variant)] if stage.expansion != 1 else []),
            _conv_norm(depthwise, variant),
            SqueezeExcite(expanded, width_in // 4, variant),
            _conv_norm(project, variant, activation=False),
        )
        self.has_shortcut = stride == 1 and width_in == stage.width

    def forward(self, batch_nchw: Tensor) -> Tensor:
        """NCHW in, NCHW out, with the stage's width of channels."""
        result: Tensor = self.block(batch_nchw)
        return result + batch_nchw if self.has_shortcut else result


class EfficientNetB0(nn.Module):
    """EfficientNet-B0. Its state dict has the keys of torchvision's `efficientnet_b0`.

    `forward` takes float32 NCHW, RGB, already normalised, of any height and width from 32 up, and gives the
    logits [N, num_classes]. `variant` says which implementation it computes like (see `VARIANTS`).
    """

    def __init__(self, num_classes: int, variant: Variant = VARIANTS["torchvision"]) -> None:
        super().__init__()
        fixed_paddings = iter(variant.paddings())
        stem = PaddedConv(3, STEM_WIDTH, variant.padding, 3, 2, next(fixed_paddings))
        layers: list[nn.Module] = [_conv_norm(stem, variant)]
        width = STEM_WIDTH
        for stage in STAGES:
            blocks = []
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                fixed_padding = next(fixed_paddings) if stride == 2 else (0, 0)
                blocks.append(InvertedResidual(width, stage, stride, variant, fixed_padding))
                width = stage.width
            layers.append(nn.Sequential(*blocks))
        layers.append(_conv_norm(PaddedConv(width, HEAD_WIDTH, variant.padding), variant))
        self.features = nn.Sequential(*layers)
        # The identity stands where torchvision has its dropout: the linear layer keeps the key
        # "classifier.1".
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(HEAD_WIDTH, num_classes))
        self.variant = variant

    def forward(self, batch_nchw: Tensor) -> Tensor:
        """Normalised RGB, float32 [N, 3, H, W] -> logits [N, num_classes]."""
        features: Tensor = self.features(batch_nchw).mean(dim=(2, 3))
        logits: Tensor = self.classifier(features)
        return logits


def network_from_weights(state: Mapping[str, Tensor], variant: Variant) -> nn.Module:
    """The network that computes like `variant`, with these weights, in eval mode and without gradients.

    Args:
        state: Every weight and statistic under torchvision's names; taken as they are, not copied.
        variant: Whose rules it follows; the number of classes follows from the classifier's bias.
    """
    with torch.device("meta"):
        model = EfficientNetB0(len(state["classifier.1.bias"]), variant)
    counters = {key: torch.tensor(0) for key in model.state_dict() if key.endswith("num_batches_tracked")}
    model.load_state_dict({**state, **counters}, assign=True)
    return model.eval().requires_grad_(requires_grad=False)


def torchvision_keys(layout: Layout) -> dict[str, str]:
    """The name of every weight and statistic in `layout` -> its name here (torchvision's), in network order."""
    own = dict(_module_names("torchvision"))
    theirs = dict(_module_names(layout))
    suffixes = {
        "conv": ("weight",),
        "norm": ("weight", "bias", "running_mean", "running_var"),
        "gate": ("weight", "bias"),
        "linear": ("weight", "bias"),
    }
    return {
        f"{theirs[part]}.{suffix}": f"{name}.{suffix}"
        for part, name in own.items()
        for suffix in suffixes[part.rpartition(" ")[2]]
    }


def _module_names(layout: Layout) -> Iterator[tuple[str, str]]:
    """Pairs: a part's name, which ends in its kind (conv, norm, gate or linear), and its path in `layout`."""
    torchvision, timm = layout == "torchvision", layout in ("timm", "timm_tf")
    stem = ("features.0.0", "features.0.1") if torchvision else ("conv_stem", "bn1") if timm else ("_conv_stem", "_bn0")
    yield from zip(("stem conv", "stem norm"), stem, strict=True)
    count = 0
    for stage_index, stage in enumerate(STAGES):
        for index in range(stage.blocks):
            if torchvision:
                names = _torchvision_block(f"features.{stage_index + 1}.{index}.block", stage.expansion != 1)
            elif timm:
                names = _timm_block(f"blocks.{stage_index}.{index}", stage.expansion != 1)
            else:
                names = _efficientnet_pytorch_block(f"_blocks.{count}", stage.expansion != 1)
            yield from ((f"block {count} {part}", name) for part, name in names.items())
            count += 1
    head = ("features.8.0", "features.8.1") if torchvision else ("conv_head", "bn2") if timm else ("_conv_head", "_bn1")
    yield from zip(("head conv", "head norm"), head, strict=True)
    yield "classifier linear", "classifier.1" if torchvision else "classifier" if timm else "_fc"


def _torchvision_block(path: str, expands: bool) -> dict[str, str]:
    first = 1 if expands else 0
    names = {"expand conv": f"{path}.0.0", "expand norm": f"{path}.0.1"} if expands else {}
    return names | {
        "depthwise conv": f"{path}.{first}.0",
        "depthwise norm": f"{path}.{first}.1",
        "reduce gate": f"{path}.{first + 1}.fc1",
        "open gate": f"{path}.{first + 1}.fc2",
        "project conv": f"{path}.{first + 2}.0",
        "project norm": f"{path}.{first + 2}.1",
    }


def _timm_block(path: str, expands: bool) -> dict[str, str]:
    names = {"expand conv": f"{path}.conv_pw", "expand norm": f"{path}.bn1"} if expands else {}
    return names | {
        "depthwise conv": f"{path}.conv_dw",
        "depthwise norm": f"{path}.bn2" if expands else f"{path}.bn1",
        "reduce gate": f"{path}.se.conv_reduce",
        "open gate": f"{path}.se.conv_expand",
        "project conv": f"{path}.conv_pwl" if expands else f"{path}.conv_pw",
        "project norm": f"{path}.bn3" if expands else f"{path}.bn2",
    }


def _efficientnet_pytorch_block(path: str, expands: bool) -> dict[str, str]:
    names = {"expand conv": f"{path}._expand_conv", "expand norm": f"{path}._bn0"} if expands else {}
    return names | {
        "depthwise conv": f"{path}._depthwise_conv",
        "depthwise norm": f"{path}._bn1",
        "reduce gate": f"{path}._se_reduce",
        "open gate": f"{path}._se_expand",
        "project conv": f"{path}._project_conv",
        "project norm": f"{path}._bn2",
    }
