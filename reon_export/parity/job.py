"""The parity job: every asked runtime x precision x browser over one model folder, against the checkpoint itself."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reon_export.browsers.version import BrowserVersion
from reon_export.errors import BrowserError, ManifestError, ParityError, ReonExportError, UnavailableError
from reon_export.faces.image_files import list_images
from reon_export.faces.samples import DEFAULT_SAMPLES, CropSet, crops_from_folder, crops_from_photos
from reon_export.manifest import Manifest, Precision, read_manifest
from reon_export.parity.bisect.bisect import bisect_model
from reon_export.parity.bisect.divergence import BisectReport
from reon_export.parity.records import RUNGS, Cell, ImageRung, ParityRun, PhotoRung, Rung
from reon_export.parity.rungs.image import compare_images
from reon_export.parity.rungs.image_cases import ImageCase, make_cases
from reon_export.parity.rungs.photo import compare_photos
from reon_export.parity.rungs.tensor import compare_tensors
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS
from reon_export.progress import OnProgress
from reon_export.runtimes.onnx_runtime import load_onnx
from reon_export.runtimes.page_session import PageSession, open_page_session
from reon_export.runtimes.predictions import Predictions
from reon_export.runtimes.reference import load_reference
from reon_export.runtimes.runtime import Runtime
from reon_export.runtimes.runtime_id import KERNELS, ONNX, TFJS_WASM, RuntimeId
from reon_export.runtimes.tfjs_runtime import load_tfjs
from reon_export.runtimes.torch_runtime import TorchRuntime

BISECT_SAMPLES = 2  # every layer of every crop travels out of the browser


@dataclass(frozen=True)
class ParityOptions:
    """What to compare. Empty `precisions`: every one of the folder that a page may load."""

    model_dir: Path = DEFAULT_MODEL_DIR
    checkpoint: Path | None = None
    crops: Path | None = None
    photos: Path = SAMPLE_PHOTOS
    rungs: tuple[Rung, ...] = RUNGS
    runtimes: tuple[RuntimeId, ...] = (ONNX, KERNELS, TFJS_WASM)
    precisions: tuple[Precision, ...] = ()
    browsers: tuple[str, ...] = ("chromium",)
    samples: int = DEFAULT_SAMPLES
    allow_missing: tuple[str, ...] = ()


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
    if _runtimes_in_browser(options) or {"image", "photo"} & set(options.rungs):
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


def _prepare(options: ParityOptions, on_progress: OnProgress) -> _Job:
    manifest = read_manifest(options.model_dir)
    precisions = options.precisions or _loadable_precisions(manifest)
    reference = TorchRuntime(load_reference(manifest, options.checkpoint), manifest.spec)
    crops = _read_crops(options, manifest, options.samples)
    expected = reference(crops.crops_rgb, on_progress)
    cases = tuple(make_cases(list_images(SAMPLE_PHOTOS))) if "image" in options.rungs else ()
    return _Job(options, manifest, reference, crops, expected, precisions, cases, on_progress)


def _read_crops(options: ParityOptions, manifest: Manifest, count: int) -> CropSet:
    if options.crops:
        return crops_from_folder(options.crops, manifest.spec, count)
    return crops_from_photos(SAMPLE_PHOTOS, manifest.spec, count)


def _loadable_precisions(manifest: Manifest) -> tuple[Precision, ...]:
    precisions = tuple(artefact.precision for artefact in manifest.artefacts if artefact.is_loadable)
    if not precisions:
        raise ManifestError(
            "no TF.js artefact of this folder passed its gate at build time; name one with --precisions"
        )
    return precisions


def _runtimes_in_browser(options: ParityOptions) -> tuple[RuntimeId, ...]:
    return tuple(runtime for runtime in options.runtimes if runtime.in_browser) if "tensor" in options.rungs else ()


def _compare_in_python(job: _Job) -> Iterator[Cell]:
    if "tensor" in job.options.rungs and ONNX in job.options.runtimes:
        artefact = job.manifest.artefact("onnx", "float32")
        try:
            yield _compare(job, load_onnx(job.options.model_dir, artefact, job.manifest.spec), "float32", None)
        except (ParityError, ManifestError) as error:  # as for a file that the page refuses
            yield _cell_without_figures(ONNX, "float32", None, error)


def _compare_in_browser(
    job: _Job, browser: str, cells: list[Cell], images: list[ImageRung], photos: list[PhotoRung]
) -> None:
    """Everything that one browser has to show, in one page (threads need a page of their own)."""
    runtimes = _runtimes_in_browser(job.options)
    rungs = {"image", "photo"} & set(job.options.rungs)
    for threads in (False, True):
        group = [runtime for runtime in runtimes if runtime.threads == threads]
        if not group and (threads or not rungs):
            continue
        with ExitStack() as stack:
            try:
                session = stack.enter_context(open_page_session(job.options.model_dir, browser, threads=threads))
            except BrowserError as error:
                missing, unavailable = BrowserVersion(browser), UnavailableError(str(error))
                cells += [_cell_without_figures(r, p, missing, unavailable) for r in group for p in job.precisions]
                if not threads:
                    reasons = (str(error),)
                    if "image" in rungs:
                        images.append(ImageRung(browser=missing, verdict="not_run", reasons=reasons))
                    if "photo" in rungs:
                        photos.append(PhotoRung(browser=missing, verdict="not_run", reasons=reasons))
                continue
            for runtime in group:
                cells += [_compare_tfjs(job, session, runtime, precision) for precision in job.precisions]
            if not threads:
                _compare_pixels(job, session, images, photos)


def _compare_tfjs(job: _Job, session: PageSession, runtime: RuntimeId, precision: Precision) -> Cell:
    try:
        with load_tfjs(session, runtime, precision) as loaded:
            return _compare(job, loaded, precision, session.browser_version)
    except (ParityError, BrowserError) as error:  # one crash costs its own cell, not the whole job
        return _cell_without_figures(runtime, precision, session.browser_version, error)


def _cell_without_figures(
    runtime: RuntimeId, precision: Precision, browser: BrowserVersion | None, error: ReonExportError
) -> Cell:
    """Not run if the runtime is not available here; anything else that broke is a failure."""
    return Cell(
        runtime=runtime,
        precision=precision,
        browser=browser,
        verdict="not_run" if isinstance(error, UnavailableError) else "failed",
        reasons=(str(error),),
    )


def _compare(job: _Job, runtime: Runtime, precision: Precision, browser: BrowserVersion | None) -> Cell:
    label = " ".join(part for part in (browser.name if browser else "", str(runtime.id), precision) if part)
    return compare_tensors(
        runtime,
        precision,
        job.crops,
        job.expected,
        browser=browser,
        on_progress=lambda _, done, total: job.on_progress(label, done, total),
    )


def _compare_pixels(job: _Job, session: PageSession, images: list[ImageRung], photos: list[PhotoRung]) -> None:
    spec, rungs = job.manifest.spec, job.options.rungs
    paths = list_images(job.options.photos)
    browser = session.browser_version.name
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
                lambda _, done, total: job.on_progress(f"{browser} same photograph", done, total),
            )
        )
