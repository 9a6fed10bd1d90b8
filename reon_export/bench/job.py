"""The run: every runtime in a page of its own, asked in turn, so that a busy moment of the machine meets them all."""

import base64
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.bench.records import BenchRun, Memory, Row, Step
from reon_export.bench.visit import PHOTO, measure_visit
from reon_export.browsers.select import open_page
from reon_export.errors import BrowserError, ParityError
from reon_export.faces.samples import crops_from_photos
from reon_export.manifest import Manifest, read_manifest
from reon_export.parity.compare import measure
from reon_export.parity.gates import gate_for, judge
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS, WEB_DEMO
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.onnx_runtime import load_onnx
from reon_export.runtimes.page_session import PageSession, check_page_is_built, check_ready
from reon_export.runtimes.predictions import Crops, Predictions
from reon_export.runtimes.runtime_id import KERNELS, TFJS_WASM, RuntimeId
from reon_export.site.server import SiteServer

PEERS = WEB_DEMO / "bench" / "node_modules"
NO_PEERS = "its package is not installed; run 'make bench-peers'"
KERNEL_VARIANTS = (RuntimeId("kernels", "relaxed"), RuntimeId("kernels", "simd"))
TASK_RUNTIMES = (*KERNEL_VARIANTS, TFJS_WASM)
VISIT_RUNTIMES = (KERNELS, TFJS_WASM)  # whose first visit is measured; memory of the first that is asked for
PAGE_RUNTIMES = (*TASK_RUNTIMES, RuntimeId("tfjs", "webgl"), RuntimeId("tfjs", "webgpu"))
ORT_WEB = {f"onnxruntime-web:{provider}": provider for provider in ("wasm", "webgpu")}
LITERT = "litert:wasm"
NATIVE = "onnx:native"
BENCH_RUNTIMES = (*map(str, PAGE_RUNTIMES), *ORT_WEB, LITERT, NATIVE)
CHAIN = "tfjs:wasm, onnx2tf's graph"  # measured wherever its folder is given
PARITY_CROPS = 16
RUN_S = 0.05  # what one round gives each runtime, at least: the browser's clock is coarse
PROFILE_RUNS = 30
SLOW_MS, SLOW_ROUNDS = 150, 4  # a graphics processor in software takes seconds, which nobody learns from twice


@dataclass(frozen=True)
class BenchOptions:
    """Which models are measured, on what (names of BENCH_RUNTIMES), and how long."""

    model_dirs: tuple[Path, ...] = (DEFAULT_MODEL_DIR,)
    tflite: tuple[Path, ...] = ()
    runtimes: tuple[str, ...] = BENCH_RUNTIMES
    rounds: int = 40
    frames: int = 1000
    browser: str = "chromium"


@dataclass
class _Contender:
    """A runtime that is open and passed its gate: `run` gives milliseconds of one of `runs` runs."""

    row: Row
    run: Callable[[int], float]
    times_ms: list[float] = field(default_factory=list)


def run_bench(options: BenchOptions, on_progress: OnProgress = ignore_progress) -> BenchRun:
    """Measure. Raises ManifestError, SetupError, BrowserError, or ParityError for a page that breaks."""
    check_page_is_built()
    models = [_read_model(index, folder) for index, folder in enumerate(options.model_dirs)]
    mounts = {model.address[1:]: model.folder for model in models}
    mounts |= {f"tflite-{i}": file.resolve().parent for i, file in enumerate(options.tflite)}
    mounts |= {"peers": PEERS} if PEERS.is_dir() else {}
    with ExitStack() as stack:
        server = stack.enter_context(SiteServer(WEB_DEMO, mounts=mounts))
        pages = _Pages(server.url, options.browser)
        field = _Field(pages, {*options.runtimes, CHAIN}, stack, on_progress)
        for model in models:
            field.add_model(model, options.tflite)
        for task, function in (("detector", "openDetector"), ("frame", "openFrame")):
            for runtime in TASK_RUNTIMES:
                field.add_task(task, function, runtime)
        rows = [*field.absent, *_measure(field.contenders, options.rounds, on_progress)]
        kinds = {name.partition(":")[0] for name in options.runtimes}
        visited = [runtime for runtime in VISIT_RUNTIMES if runtime.kind in kinds]
        visits = tuple(measure_visit(runtime, models[0].folder, options.browser, on_progress) for runtime in visited)
        own = {m.size: m for m in reversed(models) if m.manifest.tools.get("converter") != "onnx2tf"}
        variants = [runtime for runtime in KERNEL_VARIANTS if str(runtime) in options.runtimes]
        steps = tuple(step for model in own.values() for step in _profile(pages, model, variants, on_progress))
        memory = tuple(_count_memory(pages, runtime, options.frames, on_progress) for runtime in visited[:1])
    order = {row.task: i for i, row in reversed(list(enumerate(rows)))}
    return BenchRun(
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        browser=pages.version,
        rounds=options.rounds,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=tuple(sorted(rows, key=lambda row: (order[row.task], row.median_ms or np.inf))),
        visits=visits,
        memory=memory,
        steps=steps,
    )


class _Pages:
    """Opens the bench page, each time in a browser of its own."""

    def __init__(self, url: str, browser: str) -> None:
        self.version = ""  # of the browser, once a page is open
        self._browser = browser
        self._url = url

    @contextmanager
    def open(self) -> Iterator[PageSession]:
        with open_page(f"{self._url}bench.html", browser=self._browser) as page:
            check_ready(page)
            self.version = str(page.version)
            yield PageSession(page, "reonBench")


@dataclass(frozen=True)
class _Model:
    index: int
    folder: Path
    manifest: Manifest
    crops_rgb: Crops
    expected: Predictions

    @property
    def size(self) -> int:
        return self.manifest.spec.input.height

    @property
    def address(self) -> str:
        """Where the page finds the folder."""
        return f"/model-{self.index}"

    @property
    def onnx_path(self) -> str:
        return self.manifest.artefact("onnx", "float32").files[0].path


def _read_model(index: int, folder: Path) -> _Model:
    manifest = read_manifest(folder)
    crops_rgb = crops_from_photos(SAMPLE_PHOTOS, manifest.spec, PARITY_CROPS).crops_rgb
    expected = load_onnx(folder, manifest.artefact("onnx", "float32"), manifest.spec)(crops_rgb)
    return _Model(index, folder, manifest, crops_rgb, expected)


class _Field:
    """Those that run and agree with PyTorch, and why the others do not."""

    def __init__(self, pages: _Pages, wanted: set[str], stack: ExitStack, on_progress: OnProgress) -> None:
        self.contenders: list[_Contender] = []
        self.absent: list[Row] = []
        self._pages = pages
        self._wanted = wanted
        self._stack = stack
        self._on_progress = on_progress

    def add_model(self, model: _Model, tflite: tuple[Path, ...]) -> None:
        """What is wanted of all that can run a model. What onnx2tf made is for TF.js alone."""
        if model.manifest.tools.get("converter") == "onnx2tf":
            self._add_classifier(model, CHAIN, {"library": "page", "backend": "wasm", "model": model.address})
            return
        for runtime in PAGE_RUNTIMES:
            asked = {"library": "page", "backend": runtime.page_backend, "model": model.address}
            self._add_classifier(model, str(runtime), asked)
        for name, provider in ORT_WEB.items():
            asked = {"library": "onnxruntime-web", "backend": provider, "model": f"{model.address}/{model.onnx_path}"}
            self._add_classifier(model, name, asked)
        for number, file in enumerate(tflite):
            if str(model.size) in file.stem:
                asked = {"library": "litert", "backend": "wasm", "model": f"/tflite-{number}/{file.name}"}
                self._add_classifier(model, LITERT, asked)
        if NATIVE in self._wanted:
            self.contenders.append(_open_native(model))

    def add_task(self, task: str, function: str, runtime: RuntimeId) -> None:
        """The detector or the whole frame, on one of the page's backends, if it is wanted."""
        if str(runtime) not in self._wanted:
            return
        row = Row(task, str(runtime))
        with ExitStack() as own:
            page = own.enter_context(self._pages.open())
            try:
                opened = page.call(function, runtime.page_backend, PHOTO, "/model-0")
            except (ParityError, BrowserError) as error:
                self._leave_out(replace(row, reason=str(error)))
            else:
                self._take(replace(row, version=opened["version"]), page, own)

    def _add_classifier(self, model: _Model, name: str, asked: dict[str, Any]) -> None:
        """Open a runtime and hold it to the gate of float32: a fast wrong one does not count."""
        if name not in self._wanted:
            return
        row = Row(f"classifier {model.size}", name)
        if asked["library"] != "page" and not PEERS.is_dir():
            self._leave_out(replace(row, reason=NO_PEERS))
            return
        with ExitStack() as own:
            page = own.enter_context(self._pages.open())
            opened = page.call("openClassifier", {**asked, "size": model.size})
            if "unavailable" in opened:
                self._leave_out(replace(row, reason=opened["unavailable"]))
                return
            row = _judge(replace(row, version=opened["version"]), page, model)
            if row.verdict == "passed":
                self._take(row, page, own)
            else:
                self._leave_out(row)

    def _take(self, row: Row, page: PageSession, own: ExitStack) -> None:
        self.contenders.append(_Contender(row, partial(page.call, "time")))
        self._stack.push(own.pop_all())
        self._on_progress("runtimes that run", len(self.contenders), len(self.contenders) + len(self.absent))

    def _leave_out(self, row: Row) -> None:
        self.absent.append(row)


def _judge(row: Row, page: PageSession, model: _Model) -> Row:
    """The row with the verdict of the page's answers on a few crops."""
    crops = base64.b64encode(model.crops_rgb.tobytes()).decode()
    try:
        answer = page.call("classify", crops, len(model.crops_rgb))
    except (ParityError, BrowserError) as error:
        return replace(row, verdict="failed", reason=str(error))
    logits, probabilities = (np.array(answer[key], np.float32) for key in ("logits", "probabilities"))
    measurement = measure(model.expected, Predictions(logits, probabilities, model.expected.labels))
    verdict, reasons = judge(measurement, gate_for("float32"))
    return replace(row, verdict=verdict, reason="; ".join(reasons), max_abs_prob=measurement.max_abs_prob)


def _open_native(model: _Model) -> _Contender:
    """ONNX Runtime outside the browser, on one thread: what the machine can do with wider registers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model.folder / model.onnx_path), options, providers=["CPUExecutionProvider"]
    )
    name, one = session.get_inputs()[0].name, model.crops_rgb[:1].astype(np.float32)

    def run(runs: int) -> float:
        started = time.perf_counter()
        for _ in range(runs):
            session.run(None, {name: one})
        return (time.perf_counter() - started) * 1000 / runs

    row = Row(f"classifier {model.size}", NATIVE, onnxruntime.__version__, "passed", max_abs_prob=0.0)
    return _Contender(row, run)


def _measure(contenders: list[_Contender], rounds: int, on_progress: OnProgress) -> list[Row]:
    """One round warms up and tells how many runs fill RUN_S; the others count."""
    runs = {}
    for contender in contenders:
        contender.run(2)
        contender.times_ms.append(contender.run(1))
        runs[id(contender)] = max(1, round(RUN_S * 1000 / max(contender.times_ms[0], 1e-3)))
        contender.run(runs[id(contender)])
    slow = {id(contender) for contender in contenders if contender.times_ms[0] > SLOW_MS}
    for contender in contenders:
        contender.times_ms.clear()
    for done in range(1, rounds + 1):
        for contender in contenders:
            if id(contender) not in slow or done <= SLOW_ROUNDS:
                contender.times_ms.append(contender.run(runs[id(contender)]))
        on_progress("rounds", done, rounds)
    return [_finish(contender) for contender in contenders]


def _finish(contender: _Contender) -> Row:
    times = contender.times_ms
    p90 = statistics.quantiles(times, n=10)[-1] if len(times) > 1 else times[0]
    return replace(contender.row, median_ms=statistics.median(times), p90_ms=p90)


def _profile(pages: _Pages, model: _Model, variants: list[RuntimeId], on_progress: OnProgress) -> Iterator[Step]:
    """The steps of the network on variants of the kernels, where they run."""
    for done, runtime in enumerate(variants, 1):
        with pages.open() as page:
            try:
                steps = page.call("profile", runtime.backend, model.address, PROFILE_RUNS)
            except (ParityError, BrowserError):
                continue  # its row states why it does not run
        on_progress(f"profile, {model.size}", done, len(variants))
        for step in steps:
            yield Step(f"classifier {model.size}", str(runtime), **step)


def _count_memory(pages: _Pages, runtime: RuntimeId, frames: int, on_progress: OnProgress) -> Memory:
    step = max(1, frames // 20)
    with pages.open() as page:
        page.call("openFrame", runtime.page_backend, PHOTO, "/model-0")
        page.call("time", 50)
        before = page.call("memory")
        for done in range(0, frames, step):
            page.call("time", min(step, frames - done))
            on_progress(f"{frames} frames", min(done + step, frames), frames)
        after = page.call("memory")
    return Memory(str(runtime), frames, before["bytes"], after["bytes"])
