"""Whether a model folder or a site is what was built: every hash, size, spec, verdict and self-test, offline."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from reon_export.errors import ManifestError, ReonExportError
from reon_export.manifest import (
    MANIFEST_NAME,
    Artefact,
    FileEntry,
    Manifest,
    SelfTest,
    read_artefact_file,
    read_manifest,
)
from reon_export.network_facts import check_fits, read_tfjs_facts
from reon_export.output_places import list_files
from reon_export.parity.compare import measure
from reon_export.parity.gates import gate_for, judge
from reon_export.runtimes.onnx_runtime import OnnxRuntime, load_onnx
from reon_export.runtimes.predictions import Predictions
from reon_export.site.static_site import MODEL_FOLDER, RECORD_NAME, read_site_record

Outcome = Literal["passed", "failed", "note"]
LoadOnnx = Callable[[Artefact], OnnxRuntime]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. A `note` is worth knowing and no fault."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class Verification:
    """What was found in `folder`, which is a `model` folder or a `site`."""

    folder: Path
    kind: Literal["model", "site"]
    manifest: Manifest
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(check.outcome != "failed" for check in self.checks)

    @property
    def first_problem(self) -> str:
        """Why it did not pass; empty if it did."""
        return next((f"{check.name}: {check.detail}" for check in self.checks if check.outcome == "failed"), "")


def verify(folder: Path) -> Verification:
    """Look at everything in a model folder or a site. Raises a ReonExportError if `folder` is neither."""
    if (folder / RECORD_NAME).is_file():
        record = read_site_record(folder)
        manifest = read_manifest(folder / MODEL_FOLDER)
        checks = (
            _check_files(folder, record.files, RECORD_NAME),
            *_check_model(folder / MODEL_FOLDER, manifest, is_published=True),
        )
        return Verification(folder, "site", manifest, checks)
    manifest = read_manifest(folder)
    checks = (
        _check_files(folder, manifest.files, MANIFEST_NAME),
        *_check_model(folder, manifest, is_published=False),
    )
    return Verification(folder, "model", manifest, checks)


def _check_files(folder: Path, entries: tuple[FileEntry, ...], record: str) -> Check:
    problems = []
    for entry in entries:
        try:
            read_artefact_file(folder, entry)
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return Check("files", "failed", f"{problems[0]}{more}")
    size = sum(entry.bytes for entry in entries)
    others = sorted(set(list_files(folder)) - {record, *(entry.path for entry in entries)})
    beside = f"; not in {record}: {', '.join(others[:3])}{' …' if len(others) > 3 else ''}" if others else ""
    detail = f"{len(entries)} files of {size:,} bytes have the size and the SHA-256 that {record} lists{beside}"
    return Check("files", "note" if others else "passed", detail)


def _check_model(folder: Path, manifest: Manifest, *, is_published: bool) -> Iterator[Check]:
    load = cache(partial(load_onnx, folder, spec=manifest.spec))  # the self-test runs what is looked at here
    for artefact in manifest.artefacts:
        yield _check_artefact(folder, artefact, manifest, load)
    if not any(artefact.is_loadable for artefact in manifest.artefacts):
        yield Check("verdicts", "failed", "no TF.js artefact that a page may load; build it again")
    if manifest.self_test is not None:
        yield _check_self_test(folder, manifest, manifest.self_test, load)
    missing = list(_list_unrecorded(manifest))
    if missing:
        yield Check("record", "note", f"made before {', '.join(missing)} was recorded; build it again to have that")
    if is_published and any(artefact.verdict == "failed" for artefact in manifest.artefacts):
        yield Check("verdicts", "failed", "a site holds an artefact that failed its gate")


def _check_artefact(folder: Path, artefact: Artefact, manifest: Manifest, load: LoadOnnx) -> Check:
    try:
        if artefact.runtime == "onnx":
            load(artefact)
        else:
            entry = artefact.files[0]
            check_fits(read_tfjs_facts(read_artefact_file(folder, entry), entry.path), manifest.spec, entry.path)
    except ReonExportError as error:
        return Check(artefact.name, "failed", str(error))
    judged = artefact.verdict.replace("_", " ")
    if artefact.verdict == "passed" and artefact.parity is not None:
        judged += f" on {artefact.parity.samples} crops, max |Δp| {artefact.parity.max_abs_prob:.1e}"
    if artefact.verdict != "failed":
        return Check(artefact.name, "passed" if artefact.verdict == "passed" else "note", judged)
    detail = f"failed its gate when it was built: {'; '.join(artefact.reasons)}"
    return Check(artefact.name, "failed" if artefact.precision == "float32" else "note", detail)


def _check_self_test(folder: Path, manifest: Manifest, self_test: SelfTest, load: LoadOnnx) -> Check:
    """The crops and the logits fit the spec, and the ONNX network, where there is one, still gives these logits."""
    spec, labels = manifest.spec, tuple(label.key for label in manifest.spec.labels)
    try:
        crops = np.frombuffer(read_artefact_file(folder, self_test.file), np.uint8)
        crops_rgb = crops.reshape(self_test.samples, spec.input.height, spec.input.width, 3)
        logits = np.array(self_test.expected_logits, np.float32).reshape(self_test.samples, len(labels))
    except (ReonExportError, ValueError) as error:
        return Check("self-test", "failed", f"its crops or logits do not fit the spec: {error}")
    ungated = [
        a.precision for a in manifest.artefacts if a.runtime == "tfjs" and a.precision not in self_test.max_abs_prob
    ]
    if ungated:
        return Check("self-test", "failed", f"it has no gate for {', '.join(ungated)}")
    onnx = next((artefact for artefact in manifest.artefacts if artefact.runtime == "onnx"), None)
    if onnx is None:
        return Check("self-test", "passed", f"{self_test.samples} crops; to be run by each visitor's browser")
    try:
        actual = load(onnx)(crops_rgb)
    except ReonExportError as error:
        return Check("self-test", "failed", str(error))
    exponentials: npt.NDArray[np.float32] = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    expected = Predictions(logits, exponentials / exponentials.sum(axis=1, keepdims=True), labels)
    measurement = measure(expected, actual)
    verdict, reasons = judge(measurement, gate_for("float32"))
    figure = f"{self_test.samples} crops, ONNX within {measurement.max_abs_prob:.1e} of PyTorch's probabilities"
    return Check("self-test", "passed" if verdict == "passed" else "failed", "; ".join(reasons) or figure)


def _list_unrecorded(manifest: Manifest) -> Iterator[str]:
    """What an older manifest does not say."""
    if manifest.self_test is None:
        yield "a self-test for the visitor's device"
    if "entry" not in manifest.source.model_fields_set:
        yield "the entry of the checkpoint that the weights came from"
    if "notes" not in manifest.source.model_fields_set:
        yield "what the build assumed"
    if any(artefact.parity is None and artefact.verdict != "not_run" for artefact in manifest.artefacts):
        yield "what the verdicts were measured on"
