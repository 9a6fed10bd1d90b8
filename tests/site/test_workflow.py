"""The GitHub workflow that people copy or call: its shell steps, run here as GitHub runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from reon_export.paths import DEFAULT_CHECKPOINT, PROJECT_ROOT
from tests.support.face_folders import write_crops

WORKFLOW = PROJECT_ROOT / ".github" / "workflows" / "parity.yml"
CONTENT: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
JOB = CONTENT["jobs"]["parity"]
STEPS = {step["name"]: step["run"] for step in JOB["steps"] if "run" in step}


def run_step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inputs = dict.fromkeys(("CHECKPOINT", "LABELS", "INPUT_SIZE", "CROPS"), "")
    told = {"REON": f"{sys.executable} -m reon_export", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    bash = shutil.which("bash") or "bash"
    return subprocess.run(
        [bash, "-e", "-c", STEPS[name]],
        cwd=folder,
        env={**os.environ, **inputs, **told, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_input_reaches_the_steps_and_nothing_is_pasted_into_them() -> None:
    inputs = set(CONTENT[True]["workflow_call"]["inputs"])  # YAML 1.1 reads "on" as true
    used = str(JOB)
    assert all(f"inputs.{name}" in used for name in inputs)
    # What a caller gives goes through the environment: in a script it would be run as shell.
    assert not any("${{" in script for script in STEPS.values())
    assert CONTENT["permissions"] == {"contents": "read"}


def test_without_a_report_the_summary_says_so(tmp_path: Path) -> None:
    assert run_step("summary", tmp_path).returncode == 0
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == "No report was written.\n"


@pytest.mark.slow
@pytest.mark.browser
def test_a_checkpoint_of_the_caller_is_built_compared_and_summed_up(
    tmp_path: Path, face_crops_rgb: npt.NDArray[np.uint8]
) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copyfile(DEFAULT_CHECKPOINT.with_suffix(suffix), tmp_path / f"my net{suffix}")
    write_crops(tmp_path / "my crops", face_crops_rgb[:8])
    environment = {"CHECKPOINT": "my net.safetensors", "CROPS": "my crops"}
    for name in ("build", "parity", "summary"):
        done = run_step(name, tmp_path, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Parity passed: all 7 checks" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    wrong = run_step("build", tmp_path, CHECKPOINT="my net.safetensors", LABELS="a,b")
    assert wrong.returncode == 2
    assert "has 7 classes but 2 labels were given" in wrong.stderr
