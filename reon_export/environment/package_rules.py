"""Which packages cannot live together, and what happens when they meet.

Each rule was either hit or is declared by one of the packages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from packaging.version import InvalidVersion, Version


@dataclass(frozen=True)
class Rule:
    """A version range outside of which something is known to break."""

    specifier: str
    why: str


@dataclass(frozen=True)
class Clash:
    """Packages that disturb each other: which to remove, which to install again afterwards."""

    name: str
    status: Literal["ok", "conflict", "warning"]
    found: str
    wanted: str
    why: str
    remove: tuple[str, ...] = ()
    reinstall: str = ""


RULES: Mapping[str, Rule] = {
    "numpy": Rule("<2.2", "tensorflow 2.19 does not work with numpy 2.2 and later"),
    "onnx2tf": Rule(
        "<1.29",
        "onnx2tf 1.29 pins numpy, onnx and protobuf to versions that tensorflowjs 4.22 cannot use; "
        "2.0 needs Python 3.12",
    ),
    "opencv-python-headless": Rule("<5", "OpenCV 5 has no CascadeClassifier, so no face would be found"),
    "packaging": Rule(">=23.1,<24", "tensorflowjs 4.22 wants packaging 23"),
    "protobuf": Rule(
        ">=5.29.1,<6",
        "ydf (through tensorflowjs) wants protobuf>=5.29.1, tensorflow 2.19 was generated for protobuf 5",
    ),
    "setuptools": Rule("<81", "setuptools 82 dropped pkg_resources, which tensorflow-hub (so tensorflowjs) imports"),
    "tensorflow": Rule("==2.19.*", "tensorflow-decision-forests 1.12 (so tensorflowjs) wants exactly tensorflow 2.19"),
    "tensorflowjs": Rule("==4.22.*", "the chain of onnx2tf was tried with tensorflowjs 4.22 alone"),
    "ydf": Rule("<0.13", "ydf 0.13 was generated for protobuf 6: `import tensorflowjs` dies with a VersionError"),
}

# Only where the chain of onnx2tf and tensorflowjs is installed.
WITNESS_RULES = frozenset(RULES) - {"opencv-python-headless"}

_HEADLESS = "opencv-python-headless"
_OTHER_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


def find_clashes(versions: Mapping[str, str]) -> Iterator[Clash]:
    """The combinations in `versions` (by canonical name) that are known to go wrong, or to look as if."""
    others = tuple(name for name in _OTHER_OPENCV if name in versions)
    if others:
        yield Clash(
            "OpenCV builds",
            "conflict",
            ", ".join(f"{name} {versions[name]}" for name in (*others, _HEADLESS) if name in versions),
            f"{_HEADLESS} alone",
            "every OpenCV package writes the same folder cv2, so the one that was installed last wins",
            others,
            _HEADLESS,
        )
    if "onnx-simplifier" in versions:
        yield Clash(
            "onnx-simplifier",
            "warning",
            versions["onnx-simplifier"],
            "onnxsim alone",
            "it is only an alias of onnxsim now",
            ("onnx-simplifier",),
            "onnxsim",
        )
    torch, torchvision = versions.get("torch"), versions.get("torchvision")
    if torch and torchvision and _local_label(torch) != _local_label(torchvision):
        yield Clash(
            "torchvision",
            "ok",
            f"torch {torch}, torchvision {torchvision}",
            "any",
            "these are builds of two kinds, so `import torchvision` by itself may die with "
            "'operator torchvision::nms does not exist'; only tests import it, and they define that first",
        )


def _local_label(version: str) -> str | None:
    """The build kind, as `cpu` in `2.13.0+cpu`."""
    try:
        return Version(version).local
    except InvalidVersion:
        return None
