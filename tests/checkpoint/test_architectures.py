"""A checkpoint of another network is refused under that network's name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from tests.support.checkpoint_files import refused, saved, skeleton


@pytest.mark.parametrize(
    ("library", "name", "words"),
    [
        ("torchvision", "efficientnet_b1", "an EfficientNet-B1"),
        ("torchvision", "efficientnet_b4", "an EfficientNet-B4"),
        ("torchvision", "efficientnet_v2_s", "an EfficientNetV2 or a MobileNetV3"),
        ("torchvision", "resnet18", "a ResNet-18"),
        ("torchvision", "resnet50", "a ResNet-50"),
        ("torchvision", "mobilenet_v2", "a MobileNetV2"),
        ("torchvision", "mobilenet_v3_small", "a MobileNetV3"),
        ("torchvision", "vit_b_16", "a vision transformer (ViT)"),
        ("torchvision", "vgg16", "a VGG or AlexNet"),
        ("torchvision", "densenet121", "a DenseNet"),
        ("torchvision", "swin_t", "a Swin Transformer"),
        ("torchvision", "convnext_tiny", "a ConvNeXt"),
        ("timm", "efficientnet_b2", "an EfficientNet-B2"),
        ("timm", "tf_efficientnet_b7", "an EfficientNet-B7"),
        ("timm", "efficientnet_lite0", "a relative of EfficientNet (stem 32 wide, 16 blocks, head 1280 wide)"),
        ("efficientnet_pytorch", "efficientnet-b3", "an EfficientNet-B3"),
        ("efficientnet_pytorch", "efficientnet-b6", "an EfficientNet-B6"),
    ],
)
def test_other_networks_are_named(tmp_path: Path, library: str, name: str, words: str) -> None:
    import efficientnet_pytorch
    import timm
    import torchvision

    make: dict[str, Callable[[], nn.Module]] = {
        "torchvision": lambda: torchvision.models.get_model(name),
        "timm": lambda: timm.create_model(name),
        "efficientnet_pytorch": lambda: efficientnet_pytorch.EfficientNet.from_name(name),
    }
    message = refused(saved(tmp_path / "a.pt", skeleton(make[library])))
    assert message.startswith(f"a.pt holds {words}, expected an EfficientNet-B0: ")
    assert "expected" in message  # the first tensors that differ
    assert "\n" not in message
