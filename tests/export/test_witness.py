"""Two converters that share no line of code: ours, and the chain of onnx2tf and tensorflowjs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from reon_export import BuildOptions, build
from reon_export.environment.converters import WITNESS_PYTHON, check_converter
from reon_export.errors import ExportError
from reon_export.faces.samples import crops_from_photos
from reon_export.paths import PROJECT_ROOT, SAMPLE_PHOTOS
from reon_export.runtimes.page_session import open_page_session
from reon_export.runtimes.predictions import Predictions
from reon_export.runtimes.runtime_id import TFJS_WASM
from reon_export.runtimes.tfjs_runtime import load_tfjs
from reon_export.spec import ModelSpec
from tests.support.model_folders import write_tiny_model

OPTIONS = ("--no-parity", "--converter", "onnx2tf")
# Each is within 1.9e-6 of PyTorch on these crops (float32, sums in another order); apart they were 1.4e-6.
AGREEMENT = 2e-6

# Where it can be installed and is not, the tests fail.
needs_witness = pytest.mark.skipif(sys.version_info >= (3, 12), reason=f"onnx2tf needs Python {WITNESS_PYTHON}")


@needs_witness
@pytest.mark.slow
@pytest.mark.browser
def test_two_converters_agree(model_dir: Path, default_spec: ModelSpec, tmp_path: Path) -> None:
    made = build(options=BuildOptions(out=tmp_path / "witness", parity=False, converter="onnx2tf")).manifest
    assert made.tools["converter"] == "onnx2tf"
    assert {"onnx2tf", "tensorflow", "tensorflowjs"} <= made.tools.keys()
    crops = crops_from_photos(SAMPLE_PHOTOS, default_spec).crops_rgb
    answers: list[Predictions] = []
    for folder in (model_dir, tmp_path / "witness"):
        with open_page_session(folder) as session, load_tfjs(session, TFJS_WASM, "float32") as runtime:
            answers.append(runtime(crops))
    own, witness = answers
    difference = np.abs(own.probabilities - witness.probabilities).max()
    print(f"the two converters differ by {difference:.1e} over {len(crops)} crops")
    assert 0 < difference <= AGREEMENT  # exactly 0 would mean that one graph was compared with itself


def test_a_witness_that_cannot_run_is_refused_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.13.0")
    with pytest.raises(ExportError, match=r"onnx2tf cannot be used: .* need Python 3.11, this is 3.13.0; leave it out"):
        check_converter("onnx2tf")
    check_converter("direct")
    monkeypatch.setattr("platform.python_version", lambda: "3.11.7")
    monkeypatch.setattr(
        "reon_export.environment.converters.find_spec", lambda name: None if name == "tensorflowjs" else object()
    )
    with pytest.raises(ExportError, match=r"tensorflowjs not installed: pip install 'reon_export\[onnx2tf\]'; leave"):
        check_converter("onnx2tf")


@needs_witness
@pytest.mark.slow
def test_kill_9_in_mid_build_leaves_the_old_folder_whole_and_no_converter(
    tmp_path: Path, default_spec: ModelSpec
) -> None:
    old = write_tiny_model(tmp_path / "model", default_spec)
    before = (old / "manifest.json").read_bytes()
    child = subprocess.Popen(
        [sys.executable, "-m", "reon_export", "build", *OPTIONS, "--precision", "float16", "--out", str(old)],
        cwd=PROJECT_ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if "simplify" in line:  # the ONNX file lies in the temporary folder, TensorFlow is at work
            break
    time.sleep(2)
    (converter,) = (one for one in psutil.Process(child.pid).children() if "onnx2tf_worker" in " ".join(one.cmdline()))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stderr.close()
    converter.wait(timeout=30)  # raises if it goes on
    assert sorted(path.name for path in old.iterdir()) == ["manifest.json", "tfjs-float32"]
    assert (old / "manifest.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) > 1  # it was killed while something half done lay beside
