"""How long `build` takes beside the chain of converters that it replaces.

    python tests/benchmarks/build_time.py [ROUNDS]

Both make the same from the default checkpoint: ONNX and TF.js in three precisions. They take turns in one run, because
the machine's speed drifts. Writes build_time.json beside this file; `make readme` puts the medians into README.md.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reon_export.faces.samples import crops_from_photos
from reon_export.paths import DEFAULT_CHECKPOINT, PROJECT_ROOT, SAMPLE_PHOTOS
from reon_export.spec import InputSpec, read_spec

SCRIPTS = Path(sys.executable).parent
EXPORT = """
import sys, torch
from pathlib import Path
from reon_export.checkpoint.load import load_checkpoint
network = load_checkpoint(Path(sys.argv[1])).model
torch.onnx.export(network, (torch.zeros(1, 3, 112, 112),), "plain.onnx", input_names=["input"],
                  output_names=["logits"], opset_version=17, dynamo=False)
"""


def run_plain_chain(work: Path) -> None:
    """The converters as people chain them, each with its own command line."""
    spec = read_spec(DEFAULT_CHECKPOINT.with_suffix(".json"))
    spec = spec.model_copy(update={"input": InputSpec(height=128, width=128)})
    # Where this file is missing, onnx2tf downloads one; not charged to either side.
    faces = crops_from_photos(SAMPLE_PHOTOS, spec, count=20).crops_rgb.astype(np.float32) / 255
    np.save(work / "calibration_image_sample_data_20x128x128x3_float32.npy", faces)
    started = time.perf_counter()
    call(work, sys.executable, "-c", EXPORT, str(DEFAULT_CHECKPOINT))
    call(work, SCRIPTS / "onnxsim", "plain.onnx", "simple.onnx")
    call(work, SCRIPTS / "onnx2tf", "-i", "simple.onnx", "-o", "saved_model", "-osd", "-n")
    for flag in ((), ("--quantize_float16=*",), ("--quantize_uint8=*",)):
        out = "tfjs" + "".join(flag).strip("-=*")
        call(work, SCRIPTS / "tensorflowjs_converter", "--input_format=tf_saved_model", *flag, "saved_model", out)
    record("the plain chain", time.perf_counter() - started)


def run_build(work: Path) -> None:
    """Our one command, without the browser, which the chain does not have."""
    started = time.perf_counter()
    call(PROJECT_ROOT, sys.executable, "-m", "reon_export", "build", "--no-parity", "--out", str(work / "model"))
    record("reon_export build --no-parity", time.perf_counter() - started)


def call(cwd: Path, *command: str | Path) -> None:
    """Run one command; a failure stops the benchmark with its last words."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-500:]}")


TIMES: dict[str, list[float]] = {}


def record(name: str, seconds: float) -> None:
    """Keep and show one time."""
    TIMES.setdefault(name, []).append(round(seconds, 1))
    print(f"{name}: {seconds:.1f} s", flush=True)


def main(rounds: int) -> None:
    """Take turns, then write medians and the ratio."""
    sides: tuple[Callable[[Path], None], ...] = (run_plain_chain, run_build)
    for _ in range(rounds):
        for side in sides:
            with tempfile.TemporaryDirectory() as work:
                side(Path(work))
    medians = {name: statistics.median(times) for name, times in TIMES.items()}
    plain, ours = medians.values()
    result = {"cores": os.cpu_count(), "seconds": TIMES, "median_seconds": medians, "ratio": round(plain / ours, 2)}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"ratio {plain / ours:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
