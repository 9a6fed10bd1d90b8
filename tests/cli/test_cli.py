"""The command line: help, output, exit codes, and the one line of every error."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from reon_export.cli.app import app
from reon_export.paths import DEFAULT_CHECKPOINT, PROJECT_ROOT
from tests.support.command import run
from tests.support.layouts import trained_weights

COMMANDS = tuple(str(command.name) for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: python -m reon_export {command}" in " ".join(result.output.split())


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['reon_export', '--help']\n"
        "from reon_export.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'tensorflow', 'onnx', 'onnxruntime', 'playwright', 'cv2', 'numpy'}\n"
        "heavy |= {'scipy', 'matplotlib', 'ray', 'fsspec', 'av'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert all(command in result.stdout for command in COMMANDS)
    assert result.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.pt"], "nowhere.pt"),
        (["--precision", "int4"], "--precision got int4, expected one or more of float32,float16,uint8"),
        (["--precision", ","], "--precision got nothing, expected one or more of float32,float16,uint8"),
        (["--mean", "0.5"], "--mean got '0.5', expected three numbers for R,G,B like 0.485,0.456,0.406"),
        (["--std", "a,b,c"], "--std got 'a,b,c', expected three numbers for R,G,B like 0.485,0.456,0.406"),
        (["--labels", "reon,x"], "has 7 classes but 2 labels were given (reon, x); give 7"),
        (["--labels", "gone.txt"], "cannot read the label file gone.txt"),
        (["--input-size", "9"], "--input-size 9 cannot be used: height: Input should be greater than or equal to 32"),
        (["--opset", "99"], "--opset 99 cannot be used, expected 13 to 20"),
        (["--standalone", "demo.txt"], "--standalone demo.txt cannot be used: give it a file whose name ends in .html"),
        (["--crops", "gone"], "gone is not a folder; --crops expects a folder of face crops"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    out = tmp_path / "model"
    code, stdout, stderr = run(capsys, monkeypatch, "build", "--no-parity", "--out", str(out), *arguments)
    assert code == 2
    assert stdout == ""
    (line,) = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert message in line
    assert not out.exists()
    assert "Traceback" not in stderr


@pytest.mark.slow
def test_a_network_whose_answers_do_not_depend_on_the_face_is_refused_unless_allowed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from reon_export.checkpoint.efficientnet import EfficientNetB0

    torch.manual_seed(0)
    torch.save(EfficientNetB0(3).state_dict(), tmp_path / "fresh.pt")
    options = ("--labels", "a,b,c", "--dry-run", "--json", "--no-parity", "--out", str(tmp_path / "model"))
    command = ("build", str(tmp_path / "fresh.pt"), *options)
    code, _, stderr = run(capsys, monkeypatch, *command)
    assert code == 2
    problem = "fresh.pt gives nearly the same answer for every one of 64 face crops: it looks untrained"
    assert f"{problem}, so parity would prove nothing. Check that it is the checkpoint" in stderr
    code, stdout, _ = run(capsys, monkeypatch, *command, "--allow-constant")
    assert code == 0
    assert f"{problem}, so parity proves little" in json.loads(stdout)["warnings"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"bias": torch.tensor([0.0, 9, 0, 0, 0, 0, 0])}, "gives 'b' for every one of 64 face crops, so parity would"),
        (
            {"weight": torch.full((7, 1280), 1e38)},
            "gives logits that are not finite for 64 of 64 face crops: check --mean, --std and --layout",
        ),
    ],
)
def test_constant_and_infinite_answers_are_refused(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: dict[str, torch.Tensor],
    problem: str,
) -> None:
    state = trained_weights()
    torch.save(state | {f"classifier.1.{name}": value for name, value in change.items()}, tmp_path / "stuck.pt")
    options = ("--labels", "a,b,c,d,e,f,g", "--dry-run", "--no-parity", "--out", str(tmp_path / "model"))
    code, _, stderr = run(capsys, monkeypatch, "build", str(tmp_path / "stuck.pt"), *options)
    assert code == 2
    assert problem in " ".join(stderr.split())


@pytest.mark.slow
def test_dry_run_names_the_entry_and_what_overrides_it(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trained = trained_weights()
    raw = {**trained, "classifier.1.bias": trained["classifier.1.bias"] + 1}
    path = tmp_path / "last.pth"
    torch.save({"model": raw, "ema": {"shadow": trained}, "criterion.weight": torch.ones(7)}, path)
    options = ("--labels", "a,b,c,d,e,f,g", "--input-size", "112", "--dry-run", "--no-parity")
    command = ("build", str(path), *options, "--out", str(tmp_path / "model"))
    code, stdout, _ = run(capsys, monkeypatch, *command, "--json")
    plan = json.loads(stdout)
    assert code == 0
    assert (plan["weights"], plan["other_weights"]) == ("ema.shadow", ["model"])
    expected = "weights taken from 'ema.shadow' (the file also holds a network under 'model'; --entry chooses it)"
    assert expected in plan["warnings"]
    code, stdout, _ = run(capsys, monkeypatch, *command, "--entry", "model")
    assert code == 0
    assert "weights        model" in stdout
    assert "other weights  ema.shadow" in stdout
    code, _, stderr = run(capsys, monkeypatch, *command, "--layout", "timm")
    assert code == 2
    assert "has torchvision's names of tensors, but the layout timm was asked for" in " ".join(stderr.split())


def test_dry_run_says_what_would_be_done_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    code, stdout, _ = run(capsys, monkeypatch, "build", "--dry-run", "--no-parity", "--out", str(out))
    assert code == 0
    assert not out.exists()
    for fact in (
        "torchvision",
        "anger, disgust, fear",
        "112, 112, 3",
        "float32, float16, uint8",
        "Nothing was written",
    ):
        assert fact in stdout


@pytest.mark.browser  # --standalone is bundled from the vendored JavaScript
@pytest.mark.slow
def test_build_without_parity_is_not_run_and_never_passed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from reon_export.export import build as module

    site, file = tmp_path / "site", tmp_path / "demo.html"
    arguments = ["build", "--no-parity", "--precision", "float16", "--opset", "15", "--out", str(tmp_path / "model")]
    results: list[module.BuildResult] = []
    real = module.build

    def build_and_keep(*given: Any) -> module.BuildResult:
        results.append(real(*given))
        return results[-1]

    monkeypatch.setattr(module, "build", build_and_keep)
    code, stdout, stderr = run(
        capsys, monkeypatch, *arguments, "--json", "--site", str(site), "--standalone", str(file)
    )
    assert code == 0, stderr
    assert "TF.js float16" in stderr
    answer = json.loads(stdout)
    # The same model without a site, in words.
    plain = replace(results[0], site=None, standalone=None)
    monkeypatch.setattr(module, "build", lambda *_: plain)
    code, stdout, _ = run(capsys, monkeypatch, *arguments)
    assert code == 0
    assert "not run" in stdout
    assert "passed" not in stdout
    assert f"Next: python -m reon_export serve --open --model {tmp_path / 'model'}" in stdout
    assert (site / "model" / "tfjs-float16" / "model.json").is_file()
    assert answer["site"]["path"] == str(site)
    assert answer["standalone"] == {"path": str(file), "files": 1, "bytes": file.stat().st_size}
    assert [artefact["gate"] for artefact in answer["manifest"]["artefacts"]] == ["not_run", "not_run"]
    assert {step["name"] for step in answer["steps"]} >= {"load", "ONNX", "simplify", "TF.js graph", "TF.js float16"}


def test_serve_refuses_a_folder_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, stderr = run(capsys, monkeypatch, "serve", str(tmp_path / "gone"))
    assert code == 2
    assert "error: there is no folder" in stderr


def test_doctor_prints_findings_as_text_and_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text, _ = run(capsys, monkeypatch, "doctor")
    assert "converters to TF.js" in text
    _, stdout, _ = run(capsys, monkeypatch, "doctor", "--json")
    names = json.dumps(json.loads(stdout))
    assert "opencv-python-headless" in names


def test_the_default_checkpoint_is_shipped() -> None:
    assert DEFAULT_CHECKPOINT.is_file()
