"""Names the network that a state dict is of when it is not an EfficientNet-B0, for the error that says so."""

import re
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from reon_export.checkpoint.networks import LAYOUTS_BY_NAME, trunk_shapes

# (width of the stem, number of blocks, width of the head) of the EfficientNets, the same in all three libraries
_EFFICIENTNETS: Final = {
    (32, 16, 1280): "B0",
    (32, 23, 1280): "B1",
    (32, 23, 1408): "B2",
    (40, 26, 1536): "B3",
    (48, 32, 1792): "B4",
    (48, 39, 2048): "B5",
    (56, 45, 2304): "B6",
    (64, 55, 2560): "B7",
}
# stem, block, head and squeeze-excite gate in the three styles of naming
_STYLES: Final = (
    ("features.0.0.weight", r"(features\.\d+\.\d+)\.block\.", "features.8.0.weight", ".fc1.weight"),
    ("conv_stem.weight", r"(blocks\.\d+\.\d+)\.", "conv_head.weight", ".se.conv_reduce.weight"),
    ("_conv_stem.weight", r"(_blocks\.\d+)\.", "_conv_head.weight", "._se_reduce.weight"),
)
# The first of these patterns that any key matches names the family.
_FAMILIES: Final = (
    (r"(^|\.)embeddings\.batchnorm\.weight$", "an EfficientNet of Hugging Face's transformers"),
    (r"(blocks\.0\.0\.conv|features\.1\.0\.block\.0\.0)\.weight$", "an EfficientNetV2 or a MobileNetV3"),
    (r"relative_position_bias_table$", "a Swin Transformer"),
    (r"(cls_token|class_token|pos_embed)", "a vision transformer (ViT)"),
    (r"features\.1\.conv\.0\.0\.weight$", "a MobileNetV2"),
    (r"features\.1\.block\.0\.0\.weight$", "a MobileNetV3"),
    (r"denseblock1\.", "a DenseNet"),
    (r"Mixed_5b\.", "an Inception network"),
    (r"layer_scale|stages\.0\.blocks\.0\.gamma", "a ConvNeXt"),
    (r"features\.0\.weight$", "a VGG or AlexNet"),
)


def name_other_architecture(tensors: Mapping[str, Tensor]) -> str | None:
    """The network that the tensors seem to be of, with its article; None for a flawed B0, or no idea."""
    for stem, block, head, gate in _STYLES:
        if stem in tensors and head in tensors and tensors[head].ndim == 4:
            blocks = {match[1] for key in tensors if (match := re.match(block, key))}
            size = (tensors[stem].shape[0], len(blocks), tensors[head].shape[0])
            if size in _EFFICIENTNETS and any(key.endswith(gate) for key in tensors):
                return None if _EFFICIENTNETS[size] == "B0" else f"an EfficientNet-{_EFFICIENTNETS[size]}"
            return f"a relative of EfficientNet (stem {size[0]} wide, {size[1]} blocks, head {size[2]} wide)"
    if "layer1.0.conv1.weight" in tensors:
        blocks = {match[0] for key in tensors if (match := re.match(r"layer\d\.\d+", key))}
        convolutions = 3 if "layer1.0.conv3.weight" in tensors else 2
        return f"a ResNet-{convolutions * len(blocks) + 2}"
    for layout in LAYOUTS_BY_NAME:
        shapes = trunk_shapes(layout)
        if (
            sum(key in tensors and tuple(tensors[key].shape) == shape for key, shape in shapes.items())
            > len(shapes) / 2
        ):
            return None
    for pattern, family in _FAMILIES:
        if any(re.search(pattern, key) for key in tensors):
            return family
    return None


def _is_mostly_b0(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    fitting = [key for key, shape in shapes.items() if key in tensors and tuple(tensors[key].shape) == shape]
    return len(fitting) > len(shapes) / 2
