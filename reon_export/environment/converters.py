"""The two ways from ONNX to TF.js: our own, and the chain of onnx2tf and tensorflowjs as a witness.

Imports nothing heavy, so that `--help` and `doctor` stay quick.
"""

import platform
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

from reon_export.errors import ExportError

Converter = Literal["direct", "onnx2tf"]
WITNESS_TOOLS = ("onnx2tf", "tensorflow", "tensorflowjs")
# tensorflow 2.19, tensorflowjs 4.22 and onnx2tf 1.28 were only seen working together there.
WITNESS_PYTHON = "3.11"


def why_no_witness(python: str | None = None, missing: Sequence[str] | None = None) -> str | None:
    """Why the chain of onnx2tf cannot run, and what mends it; None if it can. By default of this Python."""
    python = platform.python_version() if python is None else python
    if not python.startswith(f"{WITNESS_PYTHON}."):
        return f"onnx2tf and tensorflowjs need Python {WITNESS_PYTHON}, this is {python}"
    if missing is None:
        missing = [tool for tool in WITNESS_TOOLS if find_spec(tool) is None]
    return f"{', '.join(missing)} not installed: pip install 'reon_export[onnx2tf]'" if missing else None


def check_converter(converter: Converter) -> None:
    """Raise ExportError if a converter cannot run here."""
    reason = why_no_witness() if converter == "onnx2tf" else None
    if reason is not None:
        raise ExportError(f"--converter onnx2tf cannot be used: {reason}; leave it out to convert directly")
