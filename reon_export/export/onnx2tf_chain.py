"""ONNX to SavedModel (onnx2tf) to a TF.js graph model (tensorflowjs), written once per precision.

Both converters run in one child process: they print at will, onnx2tf may call sys.exit and looks for its sample faces
in the working directory, and TensorFlow's C++ log goes straight to file descriptor 2. The child's import of TensorFlow
and its graph optimisation are paid once for all precisions.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from reon_export.errors import ExportError
from reon_export.manifest import Precision
from reon_export.spec import ModelSpec

_STEP_MARK = "@step "
# onnx2tf 1.28.8 checks every op on this file; where it lies in the working directory, nothing is downloaded.
_FACES_NAME = "calibration_image_sample_data_20x128x128x3_float32.npy"


@dataclass(frozen=True)
class FinishedStep:
    """A part of the conversion that is done."""

    name: str
    seconds: float


def convert_with_onnx2tf(
    onnx_nchw: Path,
    faces_rgb: npt.NDArray[np.uint8],
    spec: ModelSpec,
    precisions: tuple[Precision, ...],
    out: Path,
    work: Path,
) -> Iterator[FinishedStep]:
    """Write `out`/tfjs-<precision>/model.json and its shards, yielding each step as it ends.

    `faces_rgb` (uint8 [N, H, W, 3]) are what onnx2tf compares every operation on. Raises ExportError with the
    converter's own last words.
    """
    from reon_export.faces.preprocess import resize_bilinear

    faces = np.stack([resize_bilinear(faces_rgb[i % len(faces_rgb)], 128, 128) for i in range(20)])
    np.save(work / _FACES_NAME, faces.astype(np.float32) / 255)
    job = {
        "onnx": str(onnx_nchw.resolve()),
        "out": str(out.resolve()),
        "precisions": list(precisions),
        "outputs": [spec.output.logits, spec.output.probabilities],
        "labels": [label.key for label in spec.labels],
    }
    log_path = work / "converter.log"
    with log_path.open("w", encoding="utf-8") as log, _run_worker(job, work, log) as child:
        for line in child.stdout or ():
            if line.startswith(_STEP_MARK):
                yield FinishedStep(**json.loads(line.removeprefix(_STEP_MARK)))
            else:
                log.write(line)
        status = child.wait()
    if status != 0:
        raise ExportError(f"the TF.js conversion failed (exit {status}): {_last_words(log_path)}")


@contextmanager
def _run_worker(job: Mapping[str, object], work: Path, log: TextIO) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "reon_export.export.onnx2tf_worker", json.dumps(job)],
        cwd=work,
        stdin=subprocess.PIPE,  # never written to: its end tells the child that this process is gone
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def report_step(name: str, seconds: float) -> None:
    """Called in the child: tell the parent that a step is done."""
    sys.stdout.write(_STEP_MARK + json.dumps({"name": name, "seconds": seconds}) + "\n")
    sys.stdout.flush()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
