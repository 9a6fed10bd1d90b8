"""`evaluate` over real faces: every runtime in one pass, both engines, two models, and what goes wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reon_export import load_classifier
from reon_export.cli import console as show
from reon_export.cli import evaluate as command
from reon_export.errors import DataError
from reon_export.evaluate.batches import BatchOptions
from reon_export.evaluate.job import EvaluateOptions, Evaluation, evaluate
from reon_export.evaluate.report import evaluation_as_json, write_evaluation
from reon_export.faces.decode import decode_image_rgb
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.runtimes.runtime_id import KERNELS, ONNX, TFJS_WASM, TORCH
from reon_export.spec import ModelSpec
from tests.support import face_folders
from tests.support.command import run

pytestmark = pytest.mark.slow

CLASSES = ("happiness", "neutral", "surprise")


@pytest.fixture(scope="module")
def crops(default_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 real face crops in three class folders (their labels are dealt out: what counts is that runtimes agree)."""
    return face_folders.make_crop_folders(tmp_path_factory.mktemp("crops"), default_spec, 24, CLASSES)


@pytest.fixture(scope="module")
def every_runtime(model_dir: Path, crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    runtimes = (TORCH, ONNX, TFJS_WASM)
    out = tmp_path_factory.mktemp("evaluated")
    return evaluate(EvaluateOptions(model_dir, str(crops), runtimes=runtimes, crop="none", out=out))


@pytest.mark.browser
def test_the_kernels_are_a_runtime_like_any_other(model_dir: Path, crops: Path, tmp_path: Path) -> None:
    options = EvaluateOptions(model_dir, str(crops), runtimes=(TORCH, KERNELS), crop="none", out=tmp_path / "out")
    evaluation = evaluate(options)
    assert list(evaluation.figures) == ["torch", "kernels float32", "kernels float16", "kernels uint8"]
    for name, gate in (("kernels float32", 1e-5), ("kernels float16", 1e-2)):
        agreement = evaluation.figures[name].agreement
        assert agreement is not None
        assert 0 < agreement.max_abs_prob <= gate
    assert evaluation.verdicts["kernels uint8"] == "failed"


@pytest.mark.browser
def test_one_pass_shows_every_runtime_and_precision(every_runtime: Evaluation, model_dir: Path, crops: Path) -> None:
    figures = every_runtime.figures
    assert list(figures) == ["torch", "onnx float32", "tfjs:wasm float32", "tfjs:wasm float16", "tfjs:wasm uint8"]
    assert {value.images for value in figures.values()} == {24}
    assert figures["torch"].agreement is None
    # The gates of parity: these are the same comparisons on other crops.
    for name, gate in (("onnx float32", 1e-5), ("tfjs:wasm float32", 1e-5), ("tfjs:wasm float16", 1e-2)):
        agreement = figures[name].agreement
        assert agreement is not None
        assert agreement.max_abs_prob <= gate
        assert agreement.top1 == 1
        assert figures[name].confusion == figures["torch"].confusion
    uint8 = figures["tfjs:wasm uint8"].agreement
    assert uint8 is not None
    assert uint8.max_abs_prob > 5e-2  # it does fail its gate, so the column can tell
    assert every_runtime.verdicts["tfjs:wasm uint8"] == "failed"
    # The confusion matrix is the one that a plain loop gives.
    classify, labels = load_classifier(model_dir), every_runtime.labels
    expected = np.zeros((len(labels), len(labels)), int)
    for path in sorted(crops.rglob("*.png")):
        crop = decode_image_rgb(path.read_bytes(), path.name)
        top = int(classify(crop[None]).probabilities[0].argmax())
        expected[labels.index(path.parent.name), top] += 1
    assert figures["onnx float32"].confusion == tuple(map(tuple, expected.tolist()))


@pytest.mark.browser
def test_its_files_hold_its_figures(every_runtime: Evaluation) -> None:
    files = write_evaluation(every_runtime)
    assert [path.name for path in files] == ["evaluation.json", "evaluation.md", "confusion.png"]
    content = json.loads(files[0].read_text(encoding="utf-8"))
    assert content == json.loads(json.dumps(evaluation_as_json(every_runtime)))
    assert content["images"] == {"all": 24, "ok": 24}
    assert set(content["milliseconds_per_image"]) == {"read", "decode", "crop", *every_runtime.figures}
    text = files[1].read_text(encoding="utf-8")
    assert f"| torch | {every_runtime.figures['torch'].accuracy:.1%} |" in text
    assert "| true, then predicted | anger | disgust |" in text
    assert files[2].read_bytes().startswith(b"\x89PNG")
    assert not (every_runtime.options.out / ".work").exists()


def comparable(evaluation: Evaluation) -> Any:
    content = evaluation_as_json(evaluation)
    return {key: content[key] for key in ("images", "failed", "runtimes", "labels")}


def test_both_engines_give_the_same_figures(model_dir: Path, tmp_path: Path) -> None:
    photos = face_folders.make_photo_folders(tmp_path / "photos", CLASSES)
    face_folders.write_rgb(photos / "neutral" / "nobody.png", np.full((80, 80, 3), 90, np.uint8))
    (photos / "neutral" / "damaged.jpg").write_bytes(b"\xff\xd8 no picture")
    answers = [
        evaluate(
            EvaluateOptions(
                model_dir, str(photos), runtimes=(ONNX,), out=tmp_path / engine, batches=BatchOptions(engine, 2, 2)
            )
        )
        for engine in ("local", "ray")
    ]
    local, ray = map(comparable, answers)
    assert local == ray
    assert local["images"] == {"all": 6, "ok": 4, "no_face": 1, "unreadable": 1}
    assert [failure["path"] for failure in local["failed"]] == ["neutral/damaged.jpg", "neutral/nobody.png"]
    assert "is not an image that can be decoded" in local["failed"][0]["reason"]
    assert local["runtimes"]["onnx float32"]["images"] == 4


def test_two_models_are_compared_image_by_image(
    model_dir: Path, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    other = Path(shutil.copytree(model_dir, tmp_path / "other", ignore=shutil.ignore_patterns("tfjs*")))
    damage_onnx(onnx, other)
    monkeypatch.setattr(command, "out", Console(width=200, highlight=False))
    out = tmp_path / "out"
    arguments = ["evaluate", str(model_dir), str(other), "--data", str(crops), "--crop", "none", "--out", str(out)]
    code, output, _ = run(capsys, monkeypatch, *arguments)
    assert code == 0
    content = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    comparison, runtimes = content["comparison"], content["runtimes"]
    gained = comparison["became_right"] - comparison["became_wrong"]
    assert comparison["became_wrong"] > 0
    assert gained == round((runtimes["second"]["accuracy"] - runtimes["first"]["accuracy"]) * 24)
    assert len(comparison["examples"]) == comparison["became_right"] + comparison["became_wrong"]
    for example in comparison["examples"]:
        assert (example["first"] == example["label"]) != (example["second"] == example["label"])
        assert example["path"].startswith(example["label"] + "/")
    assert "exact McNemar test, p = " in output
    assert "recall, second" in output
    monkeypatch.setattr(show, "out", Console(width=200))
    code, output, _ = run(capsys, monkeypatch, *arguments, "--json")
    assert code == 0
    assert json.loads(output)["comparison"] == comparison
    assert {path.name for path in out.iterdir()} == {
        "evaluation.json", "evaluation.md", "confusion.png", "compare.png", "changed.png",
    }  # fmt: skip


def damage_onnx(onnx: Any, folder: Path) -> None:
    """A model that is honest about its bytes and wrong: its last layer's bias says "happiness" a little too often."""
    import hashlib

    path = folder / "model.onnx"
    model = onnx.load(str(path))
    (bias,) = [tensor for tensor in model.graph.initializer if list(tensor.dims) == [7]]
    values = onnx.numpy_helper.to_array(bias).copy()
    values[3] += 3
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    content = model.SerializeToString()
    path.write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entry = next(a for a in manifest["artefacts"] if a["runtime"] == "onnx")["files"][0]
    entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_errors_are_one_line(
    model_dir: Path, crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = tmp_path / "nobody"
    face_folders.write_rgb(nobody / "neutral" / "grey.png", np.full((60, 60, 3), 90, np.uint8))
    (tmp_path / "empty" / "anger").mkdir(parents=True)
    reon = tmp_path / "reon"
    shutil.copytree(model_dir, reon, ignore=shutil.ignore_patterns("tfjs*"))
    text = (reon / "manifest.json").read_text(encoding="utf-8")
    (reon / "manifest.json").write_text(text.replace('"disgust"', '"hurt"'), encoding="utf-8")
    for arguments, message in (
        ([model_dir], "--data is missing; give a folder with one folder of images a class"),
        ([model_dir, "--data", "gone"], "there is no folder gone; give a folder with one folder of images a class"),
        ([model_dir, "--data", tmp_path / "empty"], "the class folder 'anger' of"),
        (
            [reon, "--data", tmp_path / "empty", "--runtimes", "gpu"],
            "--runtimes got gpu, expected one or more of torch,onnx",
        ),
        (
            [model_dir, "--data", crops, "--crop", "ears"],
            "Invalid value for '--crop': 'ears' is not one of 'haar', 'none', 'boxes'",
        ),
        (
            [model_dir, "--data", crops, "--executor", "dask"],
            "Invalid value for '--executor' / '--engine': 'dask' is not one of 'local', 'ray'",
        ),
        (
            [model_dir, "--data", crops, "--precisions", "int4"],
            "--precisions got int4, expected one or more of float32",
        ),
        ([model_dir, "--data", crops, "--workers", "0"], "0 workers and batches of 64 cannot be"),
        (
            [model_dir, "--data", crops, "--runtimes", "tfjs:wasm,tfjs:cpu"],
            "the page runs one runtime at a time, name one",
        ),
        ([model_dir, reon, "--data", crops], "have different classes; only models of the same classes can be compared"),
        ([model_dir, "--data", crops, "--checkpoint", DEFAULT_CHECKPOINT.with_suffix(".json")], "json"),
        (
            [model_dir, model_dir, "--data", crops, "--precisions", "uint8"],
            "two models are compared by their ONNX files; leave out --runtimes and --precisions",
        ),
        ([crops, "--data", crops], "is not a model folder: it has no manifest.json"),
        (
            [model_dir, "--data", nobody, "--runtimes", "onnx"],
            "no image was classified",
        ),
        ([model_dir, "--data", crops, "--crop", "boxes", "--runtimes", "onnx"], "holds no annotation file (.json)"),
    ):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        code, _, error = run(capsys, monkeypatch, "evaluate", *map(str, arguments), "--out", str(out))
        assert code == 2, message
        assert message in error.replace("\n", " "), error
        assert len(error.strip().splitlines()) <= 2, error


def test_mended_data_is_evaluated_afresh(model_dir: Path, crops: Path, tmp_path: Path) -> None:
    image = tmp_path / "data" / "neutral" / "a.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"no picture")
    options = EvaluateOptions(model_dir, str(tmp_path / "data"), runtimes=(ONNX,), crop="none", out=tmp_path / "out")
    with pytest.raises(DataError, match=r"the first of 1 that failed: neutral/a\.png: .* can be decoded"):
        evaluate(options)
    shutil.copy(next(crops.rglob("*.png")), image)
    assert evaluate(options).figures["onnx float32"].images == 1


def test_a_job_of_other_data_is_not_gone_on_with(model_dir: Path, crops: Path, tmp_path: Path) -> None:
    work = tmp_path / "out" / ".work"
    (work / "parts").mkdir(parents=True)
    (work / "job.json").write_text('{"fingerprint": "x", "entries": 1, "batch_size": 1}', encoding="utf-8")
    with pytest.raises(DataError, match=r"holds the unfinished job of another command"):
        evaluate(EvaluateOptions(model_dir, str(crops), runtimes=(ONNX,), crop="none", out=tmp_path / "out"))
