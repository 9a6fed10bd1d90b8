"""The parity job: every asked runtime x precision x browser over one model folder, against the checkpoint itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reon_export.errors import BrowserError, ManifestError, ParityError, UnavailableError
from reon_export.faces.haar import list_images
from reon_export.faces.samples import DEFAULT_SAMPLES, CropSet, crops_from_folder, crops_from_photos
from reon_export.manifest import Manifest, Precision, read_manifest
from reon_export.parity.bisect.bisect import bisect_model
from reon_export.parity.bisect.divergence import BisectReport
from reon_export.parity.compare import Predictions, measure
from reon_export.parity.gates import HALF_FLOAT, gate_for, judge
from reon_export.parity.records import RUNGS, Cell, ImageRung, ParityRun, PhotoRung, Rung, WorstSample
from reon_export.parity.rungs.image import compare_images
from reon_export.parity.rungs.image_cases import ImageCase, make_cases
from reon_export.parity.rungs.photo import compare_photos
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR, SAMPLE_PHOTOS
from reon_export.runtimes.page_session import PageSession, open_page_session
from reon_export.runtimes.runtimes import Runtime, TorchRuntime, load_onnx, load_tfjs

if TYPE_CHECKING:
    from reon_export.export.onnx import ClassifierGraph

ONNX = "onnx"
THREADS = "wasm-threads"
TFJS_BACKENDS = ("wasm", THREADS, "webgl", "webgpu", "cpu")
RUNTIMES = (ONNX, *(f"tfjs:{backend}" for backend in TFJS_BACKENDS))
DEFAULT_RUNTIMES = (ONNX, "tfjs:wasm")
BISECT_SAMPLES = 2  # every layer of every crop travels out of the browser


@dataclass(frozen=True)
class ParityOptions:
    """What to compare. Empty `precisions`: every one of the folder that has not failed its gate at build time."""

    model_dir: Path = DEFAULT_MODEL_DIR
    checkpoint: Path | None = None
    crops: Path | None = None
    photos: Path = SAMPLE_PHOTOS
    rungs: tuple[Rung, ...] = RUNGS
    runtimes: tuple[str, ...] = DEFAULT_RUNTIMES
    precisions: tuple[Precision, ...] = ()
    browsers: tuple[str, ...] = ("chromium",)
    samples: int = DEFAULT_SAMPLES
    allow_missing: tuple[str, ...] = ()


OnProgress = Callable[[str, int, int], None]
"""Called with what is running, how many of it are done, and how many there are."""


@dataclass(frozen=True)
class _Job:
    options: ParityOptions
    manifest: Manifest
    reference: Runtime
    crops: CropSet
    expected: Predictions
    precisions: tuple[Precision, ...]
    image_cases: tuple[ImageCase, ...]
    on_progress: OnProgress


def run_parity(options: ParityOptions, on_progress: OnProgress) -> ParityRun:
    """Run the job. Raises a ReonExportError if it cannot be run at all; a part that cannot is "not run" in the run."""
    started, clock = datetime.now(UTC), time.perf_counter()
    job = _prepare(options, on_progress)
    cells = list(_compare_in_python(job))
    images: list[ImageRung] = []
    photos: list[PhotoRung] = []
    tools = {name: text for name, text in job.manifest.tools.items() if name != "browser"}
    if _needs_browser(options):
        for browser in options.browsers:
            _compare_in_browser(job, browser, cells, images, photos)
    return ParityRun(
        model=job.manifest.name,
        source_sha256=job.manifest.source.sha256,
        labels=tuple(label.key for label in job.manifest.spec.labels),
        input_size=job.manifest.spec.input.height,
        samples=len(job.crops.names),
        cells=tuple(cells),
        images=tuple(images),
        photos=tuple(photos),
        started_at=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - clock,
        tools=tools,
        allow_missing=options.allow_missing,
    )


def run_bisect(options: ParityOptions) -> BisectReport:
    """Where the first of the options' precisions leaves PyTorch, node by node, in ONNX and in the first browser.

    Raises a ReonExportError if it cannot be run.
    """
    manifest = read_manifest(options.model_dir)
    graph = load_reference(manifest, options.checkpoint)
    precision = options.precisions[0] if options.precisions else "float32"
    crops = _read_crops(options, manifest, BISECT_SAMPLES)
    with open_page_session(options.model_dir, options.browsers[0]) as session:
        return bisect_model(options.model_dir, graph, crops.crops_rgb, session, precision)


def load_reference(manifest: Manifest, checkpoint: Path | None) -> "ClassifierGraph":
    """The torch graph of the checkpoint that a model folder was made from, its SHA-256 checked.

    Without `checkpoint`, the project's default checkpoint is taken. Raises ParityError if it is another file.
    """
    from reon_export.checkpoint.load import load_checkpoint
    from reon_export.export.onnx import ClassifierGraph

    path = checkpoint or DEFAULT_CHECKPOINT
    loaded = load_checkpoint(path)
    if loaded.sha256 != manifest.source.sha256:
        raise ParityError(
            f"{path} is not the checkpoint of this model folder: its SHA-256 is {loaded.sha256[:12]}…, "
            f"the manifest says {manifest.source.sha256[:12]}… ({manifest.source.file}); "
            "pass that file with --checkpoint"
        )
    if loaded.layout != manifest.source.layout:
        loaded = load_checkpoint(path, layout=manifest.source.layout)
    return ClassifierGraph(loaded.model, manifest.spec)


def _prepare(options: ParityOptions, on_progress: OnProgress) -> _Job:
    manifest = read_manifest(options.model_dir)
    precisions = options.precisions or _shipped_precisions(manifest)
    reference = TorchRuntime(load_reference(manifest, options.checkpoint), manifest.spec)
    crops = _read_crops(options, manifest, options.samples)
    total = len(crops.names)
    expected = reference(crops.crops_rgb, lambda done: on_progress("torch", done, total))
    cases = tuple(make_cases(list_images(SAMPLE_PHOTOS))) if "image" in options.rungs else ()
    return _Job(options, manifest, reference, crops, expected, precisions, cases, on_progress)


def _read_crops(options: ParityOptions, manifest: Manifest, count: int) -> CropSet:
    if options.crops:
        return crops_from_folder(options.crops, manifest.spec, count)
    return crops_from_photos(SAMPLE_PHOTOS, manifest.spec, count)


def _shipped_precisions(manifest: Manifest) -> tuple[Precision, ...]:
    shipped = tuple(a.precision for a in manifest.artefacts if a.runtime == "tfjs" and a.gate != "failed")
    if not shipped:
        raise ManifestError(
            "no TF.js artefact of this folder passed its gate at build time; name one with --precisions"
        )
    return shipped


def _needs_browser(options: ParityOptions) -> bool:
    tensor_in_browser = "tensor" in options.rungs and any(name != ONNX for name in options.runtimes)
    return tensor_in_browser or "image" in options.rungs or "photo" in options.rungs


def _compare_in_python(job: _Job) -> Iterator[Cell]:
    if "tensor" in job.options.rungs and ONNX in job.options.runtimes:
        artefact = job.manifest.artefact("onnx", "float32")
        try:
            runtime = load_onnx(job.options.model_dir, artefact, job.manifest.spec)
            yield _compare(job, runtime, ONNX, "float32", "")
        except ParityError as error:
            yield Cell(ONNX, "float32", "", "failed", (str(error),))


def _compare_in_browser(
    job: _Job, browser: str, cells: list[Cell], images: list[ImageRung], photos: list[PhotoRung]
) -> None:
    """Everything that one engine has to show, in one page (threads need a page of their own)."""
    tensor = "tensor" in job.options.rungs
    backends = [name.removeprefix("tfjs:") for name in job.options.runtimes if name != ONNX] if tensor else []
    threaded = [backend for backend in backends if backend == THREADS]
    plain = [backend for backend in backends if backend != THREADS]
    rest = {"image", "photo"} & set(job.options.rungs)
    for group, threads in ((plain, False), (threaded, True)):
        if not group and (threads or not rest):
            continue
        with ExitStack() as stack:
            try:
                session = stack.enter_context(open_page_session(job.options.model_dir, browser, threads=threads))
            except BrowserError as error:
                cells += [_not_run(p, backend, browser, str(error)) for backend in group for p in job.precisions]
                if not threads:
                    images += [ImageRung(browser, "not_run", (str(error),))] if "image" in rest else []
                    photos += [PhotoRung(browser, "not_run", (str(error),))] if "photo" in rest else []
                continue
            for backend in group:
                for precision in job.precisions:
                    cells.append(_compare_tfjs(job, session, backend, precision))
            if not threads:
                _compare_pixels(job, session, images, photos)


def _compare_tfjs(job: _Job, session: PageSession, backend: str, precision: Precision) -> Cell:
    try:
        with load_tfjs(session, precision, backend.removesuffix("-threads")) as runtime:
            if backend == THREADS and (runtime.threads or 1) < 2:
                raise UnavailableError(f"TF.js got {runtime.threads} thread in this browser, wanted two or more")
            gate_backend = HALF_FLOAT if runtime.is_half_float else runtime.name.removeprefix("tfjs:")
            facts = {"threads": str(runtime.threads or "-")}
            if backend == "webgl":
                facts["textures"] = "float16" if runtime.is_half_float else "float32"
            cell = _compare(job, runtime, f"tfjs:{backend}", precision, session.browser_version, gate_backend)
            return replace(cell, facts=facts)
    except UnavailableError as error:
        return _not_run(precision, backend, session.browser_version, str(error))
    except (ParityError, BrowserError) as error:  # one crash costs its own cell, not the whole job
        return Cell(f"tfjs:{backend}", precision, session.browser_version, "failed", (str(error),))


def _not_run(precision: Precision, backend: str, engine: str, reason: str) -> Cell:
    return Cell(f"tfjs:{backend}", precision, engine, "not_run", (reason,))


def _compare(
    job: _Job, runtime: Runtime, name: str, precision: Precision, engine: str, gate_backend: str = "cpu"
) -> Cell:
    total = len(job.crops.names)
    label = " ".join(part for part in (engine.partition(" ")[0], name, precision) if part)
    started = time.perf_counter()
    actual = runtime(job.crops.crops_rgb, lambda done: job.on_progress(label, done, total))
    seconds = time.perf_counter() - started
    measurement = measure(job.expected, actual)
    gate = gate_for(precision, gate_backend)
    verdict, reasons = judge(measurement, gate)
    worst = None
    if not measurement.problems:
        index = measurement.worst_sample
        worst = WorstSample(
            job.crops.names[index],
            job.crops.crops_rgb[index],
            tuple(job.expected.probabilities[index].tolist()),
            tuple(actual.probabilities[index].tolist()),
        )
    return Cell(name, precision, engine, verdict, reasons, gate, measurement, worst, seconds / total)


def _compare_pixels(job: _Job, session: PageSession, images: list[ImageRung], photos: list[PhotoRung]) -> None:
    spec, rungs = job.manifest.spec, job.options.rungs
    paths = list_images(job.options.photos)
    browser = session.browser_version.partition(" ")[0]
    if "image" in rungs:
        job.on_progress(f"{browser} same image", 0, 1)
        images.append(compare_images(session, spec, job.reference, job.image_cases))
        job.on_progress(f"{browser} same image", 1, 1)
    if "photo" in rungs:
        photos.append(
            compare_photos(
                session,
                spec,
                job.reference,
                paths,
                lambda done: job.on_progress(f"{browser} same photograph", done, len(paths)),
            )
        )
