"""The whole job on the default checkpoint, and every way to refuse it."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from reon_export import BuildOptions, build, load_classifier
from reon_export.errors import ManifestError, ParityError
from reon_export.manifest import Manifest, read_artefact_file, read_manifest
from reon_export.parity.compare import measure
from reon_export.parity.gates import gate_for, judge
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.runtimes.predictions import Predictions
from reon_export.spec import ModelSpec


@pytest.fixture(scope="session")
def manifest(model_dir: Path) -> Manifest:
    return read_manifest(model_dir)


@pytest.mark.browser
@pytest.mark.slow
class TestDefaultBuild:
    def test_every_listed_file_is_there_and_nothing_else(self, model_dir: Path, manifest: Manifest) -> None:
        listed = {entry.path for artefact in manifest.artefacts for entry in artefact.files}
        held = {path.relative_to(model_dir).as_posix() for path in model_dir.rglob("*") if path.is_file()}
        assert held == listed | {"manifest.json", "self_test.bin"}
        for artefact in manifest.artefacts:
            assert sum(len(read_artefact_file(model_dir, entry)) for entry in artefact.files) == artefact.bytes

    def test_verdicts(self, manifest: Manifest) -> None:
        verdicts = {artefact.name: artefact.verdict for artefact in manifest.artefacts}
        # Plain uint8 loses the SiLU network's small channels: one scale for a whole weight is too coarse.
        assert verdicts == {
            "onnx float32": "passed",
            "tfjs float32": "passed",
            "tfjs float16": "passed",
            "tfjs uint8": "failed",
        }

    def test_float32_is_measured_on_64_real_crops_in_chromium(self, manifest: Manifest) -> None:
        parity = manifest.artefact("tfjs", "float32").parity
        assert parity is not None
        assert (parity.samples, parity.backend, parity.top1_agreement) == (64, "tfjs:wasm", 1.0)
        assert 0 < parity.max_abs_prob <= 1e-5  # measured 1.8e-6; exactly 0 would mean that nothing was compared
        assert manifest.tools["browser"].startswith("chromium ")

    def test_a_failed_gate_says_why(self, manifest: Manifest) -> None:
        reasons = manifest.artefact("tfjs", "uint8").reasons
        assert any("top-1 agreement" in reason and "is under 99%" in reason for reason in reasons)

    def test_smaller_precisions_are_smaller(self, manifest: Manifest) -> None:
        sizes = [manifest.artefact("tfjs", precision).bytes for precision in ("float32", "float16", "uint8")]
        assert sizes[0] > 1.9 * sizes[1] > 3.6 * sizes[2]

    def test_tfjs_graph_has_named_inputs_and_outputs(self, model_dir: Path) -> None:
        model = json.loads((model_dir / "tfjs-float32" / "model.json").read_text(encoding="utf-8"))
        shapes = {
            name: [int(dim["size"]) for dim in info["tensorShape"]["dim"]]
            for part in ("inputs", "outputs")
            for name, info in model["signature"][part].items()
        }
        assert shapes == {"input": [1, 112, 112, 3], "logits": [1, 7], "probabilities": [1, 7]}
        names = {node["name"] for node in model["modelTopology"]["node"]}
        assert {"input", "logits", "probabilities"} <= names
        ops = Counter(node["op"] for node in model["modelTopology"]["node"])
        assert ops["_FusedConv2D"] + ops["Conv2D"] == 65  # 81 convolutions, 16 of them depthwise
        assert ops["FusedDepthwiseConv2dNative"] == 16

    def test_the_same_checkpoint_gives_the_same_bytes(self, manifest: Manifest, tmp_path: Path) -> None:
        again = build(options=BuildOptions(out=tmp_path / "model", parity=False)).manifest
        assert [artefact.files for artefact in again.artefacts] == [artefact.files for artefact in manifest.artefacts]

    def test_onnx_carries_labels_and_spec(self, model_dir: Path, default_spec: ModelSpec) -> None:
        model = onnx.load(model_dir / "model.onnx")
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        assert ModelSpec.model_validate_json(metadata["reon_export.spec"]) == default_spec
        assert json.loads(metadata["labels"]) == [label.key for label in default_spec.labels]
        assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
            "N",
            112,
            112,
            3,
        ]

    def test_load_classifier_is_the_public_way_to_the_model(
        self, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8]
    ) -> None:
        classify = load_classifier(model_dir)
        together = classify(face_crops_rgb)
        assert together.probabilities.shape == (64, 7)
        np.testing.assert_allclose(together.probabilities.sum(axis=1), 1, atol=1e-6)
        one_by_one = np.concatenate([classify(face_crops_rgb[i : i + 1]).logits for i in range(8)])
        np.testing.assert_allclose(one_by_one, together.logits[:8], atol=2e-5)
        assert len(set(together.probabilities.argmax(axis=1))) >= 3  # the crops really differ to the network

    def test_wrong_crops_are_refused(self, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8]) -> None:
        classify = load_classifier(model_dir)
        with pytest.raises(ParityError, match=r"crops are uint8 \[64, 111, 112, 3\], expected uint8 \[N, 112"):
            classify(face_crops_rgb[:, 1:])
        with pytest.raises(ParityError, match="crops are float32"):
            classify(face_crops_rgb.astype(np.float32))

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("flipped", lambda crops: crops[:, :, ::-1]),
            ("BGR for RGB", lambda crops: crops[..., ::-1]),
            ("turned upside down", lambda crops: crops[:, ::-1]),
            ("shifted by one pixel", lambda crops: np.roll(crops, 1, axis=2)),
            ("one step brighter", lambda crops: np.clip(crops.astype(int) + 1, 0, 255).astype(np.uint8)),
        ],
    )
    def test_the_gate_catches_wrong_pixels(
        self, model_dir: Path, face_crops_rgb: npt.NDArray[np.uint8], name: str, change: object
    ) -> None:
        assert callable(change)
        classify = load_classifier(model_dir)
        wrong = classify(np.ascontiguousarray(change(face_crops_rgb)))
        verdict, reasons = judge(measure(classify(face_crops_rgb), wrong), gate_for("float32"))
        assert verdict == "failed", name
        assert reasons

    def test_the_gate_catches_a_missing_normalisation(
        self, model_dir: Path, default_spec: ModelSpec, face_crops_rgb: npt.NDArray[np.uint8]
    ) -> None:
        from reon_export.checkpoint.classifier_graph import ClassifierGraph
        from reon_export.checkpoint.load import load_checkpoint
        from reon_export.runtimes.torch_runtime import TorchRuntime
        from reon_export.spec import Normalisation

        bare = default_spec.model_copy(update={"normalisation": Normalisation(mean=(0, 0, 0), std=(1, 1, 1))})
        wrong = TorchRuntime(ClassifierGraph(load_checkpoint(DEFAULT_CHECKPOINT).model, bare), bare)(face_crops_rgb)
        assert judge(measure(load_classifier(model_dir)(face_crops_rgb), wrong), gate_for("uint8"))[0] == "failed"

    def test_a_tampered_model_is_not_loaded(self, model_dir: Path, tmp_path: Path) -> None:
        for path in (model_dir / "model.onnx", model_dir / "manifest.json"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        content = bytearray((tmp_path / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(ManifestError, match="has SHA-256"):
            load_classifier(tmp_path)


def test_predictions_of_two_label_sets_do_not_compare() -> None:
    values = np.array([[0.5, 0.5]], np.float32)
    expected = Predictions(values, values, ("a", "b"))
    assert measure(expected, Predictions(values, values, ("b", "a"))).problems
