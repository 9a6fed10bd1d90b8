"""The parity job over a really built model folder."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from reon_export.cli.app import main
from reon_export.errors import ManifestError, ParityError
from reon_export.manifest import read_manifest, write_manifest
from reon_export.parity.job import ParityOptions, run_parity
from reon_export.parity.report import read_report
from reon_export.paths import DEFAULT_SPEC, SAMPLE_PHOTOS
from reon_export.runtimes.reference import load_reference

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def ignore(name: str, done: int, total: int) -> None:
    del name, done, total


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["reon_export", "parity", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_default_model_passes_on_the_same_tensor(model_dir: Path) -> None:
    seen = set()

    def note(name: str, done: int, total: int) -> None:
        assert 0 <= done <= total == 16
        seen.add(name)

    run = run_parity(ParityOptions(model_dir, rungs=("tensor",), samples=16), note)
    assert run.verdict == "passed"
    names = [(str(cell.runtime), cell.precision) for cell in run.cells]
    in_browser = [(runtime, precision) for runtime in ("kernels", "tfjs:wasm") for precision in ("float32", "float16")]
    assert names == [("onnx", "float32"), *in_browser]
    assert seen == {"torch", "onnx float32", *(" ".join(("chromium", *cell)) for cell in in_browser)}
    exact = run.cells[1]
    assert exact.measurement is not None
    assert 0 < exact.measurement.max_abs_prob <= 1e-5
    assert 0 < exact.measurement.max_abs_logit <= 1e-4
    assert exact.worst is not None
    assert exact.worst.crop_rgb.shape == (112, 112, 3)


def test_a_failing_precision_fails_the_command_and_is_in_the_report(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    code = run_command(
        monkeypatch,
        str(model_dir),
        "--rungs",
        "tensor",
        "--precisions",
        "uint8",
        "--samples",
        "16",
        "--report",
        str(report),
    )
    shown = capsys.readouterr().out
    assert code == 1
    assert "tfjs:wasm uint8 failed: max |Δp|" in shown
    assert "Parity failed" in shown
    assert read_report(report / "parity.json").verdict == "failed"


def test_a_browser_that_is_not_there_is_not_run_and_fails_unless_allowed(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(model_dir), "--rungs", "tensor", "--samples", "4", "--browser", "/nowhere/chrome"]
    report = ["--report", str(tmp_path / "report")]
    assert run_command(monkeypatch, *arguments, *report) == 1
    assert "not run: --browser names /nowhere/chrome" in capsys.readouterr().out
    assert run_command(monkeypatch, *arguments, *report, "--allow-missing", "kernels,tfjs:wasm") == 0
    assert "not run (allowed)" in capsys.readouterr().out


def test_json_goes_to_stdout_alone(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(model_dir), "--rungs", "tensor", "--runtimes", "torch,onnx", "--samples", "4", "--json"]
    assert run_command(monkeypatch, *arguments, "--report", str(tmp_path / "report")) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "passed"


def test_what_cannot_run_at_all_is_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, str(tmp_path)) == 2
    assert "is not a model folder: it has no manifest.json" in capsys.readouterr().err
    assert run_command(monkeypatch, "--runtimes", "tfjs:abacus") == 2
    assert "--runtimes got tfjs:abacus, expected one or more of torch,onnx,kernels," in capsys.readouterr().err
    assert run_command(monkeypatch, "--rungs", "ladder") == 2
    assert "--rungs got ladder, expected one or more of tensor,image,photo" in capsys.readouterr().err


def test_bisect_from_the_command_line(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, str(model_dir), "--bisect") == 0
    healthy = capsys.readouterr().out
    assert "onnx float32 stays with PyTorch in all 190 nodes" in healthy
    assert "tfjs:wasm float32 stays with PyTorch in all 174 nodes" in healthy  # 16 gates have their sigmoid inside
    assert run_command(monkeypatch, str(model_dir), "--bisect", "--precisions", "uint8") == 1
    assert "tfjs:wasm uint8 leaves PyTorch at block 1," in " ".join(capsys.readouterr().out.split())


def test_too_few_photographs_fit_no_correction(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "my.json"
    spec.write_bytes(DEFAULT_SPEC.read_bytes())
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(SAMPLE_PHOTOS / "astronaut.png", photos)
    monkeypatch.setattr(
        sys, "argv", ["reon_export", "fit-crop", str(photos), "--spec", str(spec), "--model", str(model_dir)]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert spec.read_bytes() == DEFAULT_SPEC.read_bytes()


def test_another_checkpoint_is_refused(model_dir: Path, tmp_path: Path) -> None:
    import torch

    from reon_export.checkpoint.efficientnet import EfficientNetB0

    other = tmp_path / "other.pt"
    torch.save(EfficientNetB0(7).state_dict(), other)
    with pytest.raises(ParityError, match=r"is not the checkpoint of this model folder: its SHA-256"):
        load_reference(read_manifest(model_dir), other)


def test_a_folder_whose_every_model_failed_has_nothing_to_compare(model_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_dir, folder)
    manifest = read_manifest(folder)
    failed = tuple(artefact.model_copy(update={"verdict": "failed"}) for artefact in manifest.artefacts)
    write_manifest(manifest.model_copy(update={"artefacts": failed}), folder)
    with pytest.raises(ManifestError, match=r"no TF\.js artefact of this folder passed its gate at build time"):
        run_parity(ParityOptions(folder), ignore)
