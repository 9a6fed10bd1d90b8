"""Export a PyTorch EfficientNet-B0 to the browser, and prove that its answers did not change.

from reon_export import BuildOptions, build, load_classifier

build("my.safetensors", BuildOptions(labels="reon", out=Path("my_model")))
predictions = load_classifier("my_model")(crops_rgb)   # uint8 [N, H, W, 3], RGB
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reon_export.limits import limit_opencv

if TYPE_CHECKING:
    from reon_export.errors import ReonExportError
    from reon_export.export.build import BuildResult, build
    from reon_export.export.plan import BuildOptions
    from reon_export.runtimes.onnx_runtime import load_classifier
    from reon_export.runtimes.predictions import Predictions

__version__ = "0.1.0"
__all__ = ["BuildOptions", "BuildResult", "Predictions", "ReonExportError", "build", "load_classifier"]

_HOMES = {
    "BuildOptions": "reon_export.export.plan",
    "BuildResult": "reon_export.export.build",
    "Predictions": "reon_export.runtimes.predictions",
    "ReonExportError": "reon_export.errors",
    "build": "reon_export.export.build",
    "load_classifier": "reon_export.runtimes.onnx_runtime",
}

limit_opencv()


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `doctor` must run where a dependency is broken."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reon_export' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
