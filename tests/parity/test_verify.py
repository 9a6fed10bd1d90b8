"""`verify` finds whatever is not as it was built, says what an older folder lacks, and changes nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reon_export.errors import ManifestError, ParityError
from reon_export.manifest import MANIFEST_NAME, read_manifest
from reon_export.parity.verify import verify
from reon_export.runtimes.onnx_runtime import load_classifier
from reon_export.runtimes.reference import load_reference
from reon_export.spec import ModelSpec
from tests.support.command import run
from tests.support.damage import hash_again
from tests.support.model_folders import write_tiny_model


@pytest.fixture
def tiny(tmp_path: Path, default_spec: ModelSpec) -> Path:
    return write_tiny_model(tmp_path / "model", default_spec)


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    path = folder / MANIFEST_NAME
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def outcome(folder: Path) -> dict[str, tuple[str, str]]:
    return {check.name: (check.outcome, check.detail) for check in verify(folder).checks}


def test_a_folder_as_it_was_built_passes(tiny: Path) -> None:
    found = outcome(tiny)
    assert found["files"][0] == "passed"
    assert found["tfjs float32"] == ("note", "not run")
    detail = "made before a self-test for the visitor's device was recorded; build it again to have that"
    assert found["record"] == ("note", detail)


def test_an_older_manifest_is_read_and_says_what_it_lacks(tiny: Path) -> None:
    edit(tiny, lambda m: [m["source"].pop(name) for name in ("entry", "other_entries", "image_size", "notes")])
    edit(tiny, lambda m: m.pop("self_test"))
    edit(tiny, lambda m: m["artefacts"][0].update(gate="passed", parity=None))
    assert verify(tiny).passed
    assert outcome(tiny)["record"][1] == (
        "made before a self-test for the visitor's device, the entry of the checkpoint that the weights came from, "
        "what the build assumed, what the verdicts were measured on was recorded; build it again to have that"
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tfjs-float32" / "model.json").unlink(), "is listed in the manifest but cannot be"),
        (lambda folder: (folder / "tfjs-float32" / "group1-shard1of1.bin").write_bytes(bytes(999)), "has 999 bytes"),
        (lambda folder: (folder / "tfjs-float32" / "group1-shard1of1.bin").write_bytes(b"x" * 1000), "has SHA-256"),
    ],
)
def test_a_changed_file_fails(tiny: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(tiny)
    assert not verify(tiny).passed
    assert message in outcome(tiny)["files"][1]


def test_a_file_that_was_added_is_named(tiny: Path) -> None:
    (tiny / "notes.txt").touch()
    assert outcome(tiny)["files"] == ("note", outcome(tiny)["files"][1])
    assert "not in manifest.json: notes.txt" in outcome(tiny)["files"][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["spec"].update(labels=m["spec"]["labels"][:3]), "has 7 outputs, the manifest lists 3 labels"),
        (lambda m: m["spec"]["labels"].reverse(), "has the labels anger, disgust, .*, the manifest lists surprise, "),
        (
            lambda m: m["spec"]["input"].update(height=224),
            "takes crops of 112 x 112 pixels, the manifest lists 224 x 112",
        ),
    ],
    ids=["three labels", "order of labels", "input size"],
)
def test_a_manifest_that_does_not_fit_its_network_fails(
    tiny: Path, change: Callable[[Any], object], message: str
) -> None:
    edit(tiny, change)
    assert not verify(tiny).passed
    with pytest.raises(AssertionError, match=message):
        assert verify(tiny).passed, verify(tiny).first_problem


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"signature": {"inputs": {}}}', "[" * 100_000])
def test_a_graph_of_somebody_elses_fails(tiny: Path, content: str) -> None:
    (tiny / "tfjs-float32" / "model.json").write_text(content, encoding="utf-8")
    hash_again(tiny)
    assert "is no graph model of this tool" in outcome(tiny)["tfjs float32"][1]
    assert not verify(tiny).passed


def test_what_is_no_model_folder_cannot_be_verified(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, stderr = run(capsys, monkeypatch, "verify", str(tmp_path))
    assert code == 2
    assert "is not a model folder: it has no manifest.json" in stderr
    (tmp_path / "site.json").write_text("{}", encoding="utf-8")
    code, _, stderr = run(capsys, monkeypatch, "verify", str(tmp_path))
    assert code == 2
    assert "site.json cannot be used" in stderr


def test_the_command_has_three_exit_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    code, stdout, _ = run(capsys, monkeypatch, "verify", str(tiny))
    assert code == 0
    assert "Verified. It is what was built." in stdout
    code, stdout, _ = run(capsys, monkeypatch, "verify", str(tiny), "--json")
    assert json.loads(stdout)["passed"] is True
    (tiny / "tfjs-float32" / "group1-shard1of1.bin").write_bytes(b"")
    code, stdout, _ = run(capsys, monkeypatch, "verify", str(tiny), "--json")
    assert code == 1
    assert json.loads(stdout)["checks"][0]["outcome"] == "failed"
    code, _, stderr = run(capsys, monkeypatch, "serve", "--model", str(tiny), "--port", "0")
    assert code == 2
    assert "is not what was built (files: " in stderr


@pytest.mark.slow
@pytest.mark.browser
class TestBuilt:
    @pytest.fixture
    def copy(self, model_dir: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(model_dir, tmp_path / "model"))

    def test_a_real_build_passes_whole(self, model_dir: Path) -> None:
        found = outcome(model_dir)
        assert {name: state for name, (state, _) in found.items()} == {
            "files": "passed", "onnx float32": "passed", "tfjs float32": "passed", "tfjs float16": "passed",
            "tfjs uint8": "note", "self-test": "passed",
        }  # fmt: skip
        assert "4 crops, ONNX within" in found["self-test"][1]

    def test_an_onnx_network_that_does_not_fit_is_refused_by_every_loader(self, copy: Path) -> None:
        edit(copy, lambda m: m["spec"].update(labels=m["spec"]["labels"][:3]))
        assert "has 7 outputs, the manifest lists 3 labels" in outcome(copy)["onnx float32"][1]
        with pytest.raises(
            ManifestError, match=r"model.onnx has 7 outputs, the manifest lists 3 labels; build it again"
        ):
            load_classifier(copy)
        with pytest.raises((ManifestError, ParityError), match="7 outputs, the manifest lists 3 labels"):
            load_reference(read_manifest(copy), None)

    def test_a_self_test_whose_logits_are_wrong_fails(self, copy: Path) -> None:
        edit(copy, lambda m: m["self_test"]["expected_logits"][0].reverse())
        state, detail = outcome(copy)["self-test"]
        assert state == "failed"
        assert "is over 1e-05" in detail

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m["self_test"].update(samples=3), "its crops or logits do not fit the spec"),
            (lambda m: m["self_test"]["expected_logits"].pop(), "its crops or logits do not fit the spec"),
            (lambda m: m["self_test"]["max_abs_prob"].pop("float16"), "it has no gate for float16"),
        ],
        ids=["samples", "logits", "gates"],
    )
    def test_a_self_test_that_does_not_fit_fails(
        self, copy: Path, change: Callable[[Any], object], message: str
    ) -> None:
        edit(copy, change)
        state, detail = outcome(copy)["self-test"]
        assert (state, message in detail) == ("failed", True), detail

    def test_a_failed_exact_artefact_fails(self, copy: Path) -> None:
        edit(copy, lambda m: m["artefacts"][0].update(gate="failed", gate_reasons=["off"]))
        assert outcome(copy)["onnx float32"] == ("failed", "failed its gate when it was built: off")
