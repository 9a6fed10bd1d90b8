"""The one place that knows the order of the steps: a checkpoint in, a verified model folder out."""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reon_export import __version__
from reon_export.atomic import replacing_folder
from reon_export.environment.converters import WITNESS_TOOLS
from reon_export.errors import ExportError, UnavailableError
from reon_export.export.plan import BuildOptions, BuildPlan, make_plan
from reon_export.faces.samples import spread_evenly
from reon_export.manifest import (
    MODEL_KIND,
    Artefact,
    Manifest,
    ParityRecord,
    Precision,
    SelfTest,
    Source,
    describe_file,
    describe_files,
    write_manifest,
)
from reon_export.output_places import check_only_own_files
from reon_export.parity.gates import HALF_FLOAT, gate_for
from reon_export.parity.records import Cell
from reon_export.parity.rungs.tensor import compare_tensors
from reon_export.parity.verify import verify
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.runtimes.onnx_runtime import load_onnx
from reon_export.runtimes.page_session import open_page_session
from reon_export.runtimes.runtime_id import BACKENDS, KERNELS, TFJS_WASM
from reon_export.runtimes.tfjs_runtime import load_tfjs
from reon_export.site.single_file import write_standalone
from reon_export.site.static_site import Written, write_site

if TYPE_CHECKING:
    import onnx

ONNX_NAME = "model.onnx"
SELF_TEST_NAME = "self_test.bin"
SELF_TEST_SAMPLES = 4
MADE_BY = f"reon_export {__version__}"
TOOLS = ("torch", "onnx", "onnxruntime", "onnxsim", "numpy")


class StepListener(Protocol):
    """Told of each step: once when it starts (`seconds` is None) and once when it ends."""

    def __call__(self, name: str, seconds: float | None) -> None:
        """Show it."""
        ...


@dataclass(frozen=True)
class BuildResult:
    """What came out. `steps` are (name, seconds) in the order in which they ended.

    `site` and `standalone` are None if they were not asked for; `not_written` are those that were, of a model that is
    not usable.
    """

    folder: Path
    manifest: Manifest
    steps: tuple[tuple[str, float], ...]
    warnings: tuple[str, ...]
    site: Written | None = None
    standalone: Written | None = None
    not_written: tuple[Path, ...] = ()

    @property
    def usable(self) -> bool:
        """False if the exact artefacts failed, or if no TF.js artefact is left that a page may load."""
        artefacts = self.manifest.artefacts
        exact_failed = any(a.precision == "float32" and a.verdict == "failed" for a in artefacts)
        return any(artefact.is_loadable for artefact in artefacts) and not exact_failed


@dataclass
class _Clock:
    listener: StepListener
    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.listener(name, None)
        started = time.perf_counter()
        yield
        self.done(name, time.perf_counter() - started)

    def done(self, name: str, seconds: float) -> None:
        self.steps.append((name, seconds))
        self.listener(name, seconds)


def _listen_to_nothing(name: str, seconds: float | None) -> None:
    del name, seconds


def build(
    checkpoint: Path | str = DEFAULT_CHECKPOINT,
    options: BuildOptions | None = None,
    on_step: StepListener = _listen_to_nothing,
) -> BuildResult:
    """Convert a checkpoint and prove the result; the folder `options.out` is replaced only when all is done.

    A usable model then goes to `options.site` and `options.standalone`, each replaced only when it is complete.

    Raises a ReonExportError that says what was got, what was wanted and how to fix it; the old folder stays as it was.
    """
    clock = _Clock(on_step)
    with clock.step("load"):
        plan = make_plan(Path(checkpoint), options or BuildOptions())
    out = plan.options.out
    with replacing_folder(out, partial(check_only_own_files, kind=MODEL_KIND)) as place:
        folder = place.folder
        manifest = _convert(plan, folder, place.scratch, clock)
        if plan.options.parity:
            manifest = _prove(plan, manifest, folder, clock)
        write_manifest(manifest, folder)
        with clock.step("verify"):
            verification = verify(folder)
        result = BuildResult(out, manifest, tuple(clock.steps), plan.warnings)
        if result.usable and not verification.passed:
            raise ExportError(f"{out} would not be what was built: {verification.first_problem}; check the disk")
    return _publish(result, plan.options, clock)


def _publish(result: BuildResult, options: BuildOptions, clock: _Clock) -> BuildResult:
    """Write the site and the one-file page that were asked for, if visitors may have the model."""
    if not result.usable:
        asked = (options.site, options.standalone)
        return dataclasses.replace(result, not_written=tuple(path for path in asked if path is not None))
    site = standalone = None
    if options.site is not None:
        with clock.step("site"):
            site = write_site(result.folder, options.site)
    if options.standalone is not None:
        with clock.step("standalone"):
            standalone = write_standalone(result.folder, options.standalone)
    return dataclasses.replace(result, steps=tuple(clock.steps), site=site, standalone=standalone)


def _convert(plan: BuildPlan, folder: Path, work: Path, clock: _Clock) -> Manifest:
    """Write every artefact into `folder`, unjudged."""
    from reon_export.export.onnx import export_onnx, save_onnx, simplify_onnx
    from reon_export.export.onnx2tf_chain import convert_with_onnx2tf

    with clock.step("ONNX"):
        exported = export_onnx(plan.graph, plan.spec, plan.options.opset)
    with clock.step("simplify"):
        models = simplify_onnx(exported, plan.spec, plan.checkpoint.sha256)
        save_onnx(models.nhwc, folder / ONNX_NAME)
    tools: tuple[str, ...] = TOOLS
    if plan.options.converter == "direct":
        _convert_directly(plan, models.nchw, folder, clock)
    else:
        tools += WITNESS_TOOLS
        save_onnx(models.nchw, work / ONNX_NAME)
        clock.listener("TF.js", None)
        for step in convert_with_onnx2tf(
            work / ONNX_NAME, plan.crops.crops_rgb, plan.spec, plan.options.precisions, folder, work
        ):
            clock.done(step.name, step.seconds)
    with clock.step("self-test"):
        self_test = _write_self_test(plan, folder)
    with clock.step("hash and gzip"):
        artefacts = _describe_artefacts(folder, plan.options.precisions)
    return Manifest(
        name=plan.path.stem,
        spec=plan.spec,
        source=Source(
            file=plan.path.name,
            sha256=plan.checkpoint.sha256,
            layout=plan.checkpoint.layout,
            num_classes=plan.checkpoint.num_classes,
            entry=plan.checkpoint.entry,
            other_entries=plan.checkpoint.other_entries,
            image_size=plan.checkpoint.image_size,
            notes=plan.warnings,
        ),
        artefacts=artefacts,
        self_test=self_test,
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tools={"converter": plan.options.converter, **{tool: version(tool) for tool in tools}},
    )


def _convert_directly(plan: BuildPlan, nchw: "onnx.ModelProto", folder: Path, clock: _Clock) -> None:
    """Write the TF.js graph in every precision."""
    from reon_export.export.graph_model import convert_graph
    from reon_export.export.weight_shards import write_graph_model

    with clock.step("TF.js graph"):
        graph = convert_graph(nchw, plan.spec)
    for precision in plan.options.precisions:
        with clock.step(f"TF.js {precision}"):
            write_graph_model(graph, plan.spec, precision, folder / f"tfjs-{precision}", MADE_BY)


def _describe_artefacts(folder: Path, precisions: Sequence[Precision]) -> tuple[Artefact, ...]:
    """Unjudged, ONNX first. gzip takes seconds, and lets go of Python's lock: one thread an artefact."""
    onnx_files = [folder / ONNX_NAME]
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(describe_files, folder, onnx_files, "onnx", "float32")]
        for precision in precisions:
            made = folder / f"tfjs-{precision}"
            files = [made / "model.json", *sorted(made.glob("*.bin"))]
            jobs.append(pool.submit(describe_files, folder, files, "tfjs", precision))
        return tuple(job.result() for job in jobs)


def _write_self_test(plan: BuildPlan, folder: Path) -> SelfTest:
    """A few crops and PyTorch's logits for them, so that a page can check the device that it runs on."""
    chosen = spread_evenly(len(plan.crops.names), SELF_TEST_SAMPLES)
    crops_rgb = plan.crops.crops_rgb[chosen]
    path = folder / SELF_TEST_NAME
    path.write_bytes(crops_rgb.tobytes())
    logits = plan.expected.logits[chosen]
    return SelfTest(
        file=describe_file(folder, path),
        samples=len(crops_rgb),
        expected_logits=tuple(tuple(row) for row in logits.tolist()),
        max_abs_prob={
            precision: {backend: gate_for(precision, backend).max_abs_prob for backend in (*BACKENDS, HALF_FLOAT)}
            for precision in plan.options.precisions
        },
    )


def _prove(plan: BuildPlan, manifest: Manifest, folder: Path, clock: _Clock) -> Manifest:
    """Run every artefact on the same crops as PyTorch and write down what was measured and decided."""
    write_manifest(manifest, folder)  # the page reads it; its verdicts are still not_run
    judged, tools = [], dict(manifest.tools)
    onnx_artefact, *tfjs_artefacts = manifest.artefacts
    with clock.step("parity: onnx float32"):
        runtime = load_onnx(folder, onnx_artefact, plan.spec)
        judged.append(_record(onnx_artefact, compare_tensors(runtime, "float32", plan.crops, plan.expected)))
    with ExitStack() as stack:
        with clock.step("parity: browser starts"):
            session = stack.enter_context(open_page_session(folder, plan.options.browser))
        for artefact in tfjs_artefacts:
            compare = partial(compare_tensors, precision=artefact.precision, crops=plan.crops, expected=plan.expected)
            with clock.step(f"parity: {artefact.name}"):
                with load_tfjs(session, TFJS_WASM, artefact.precision) as loaded:
                    cells = [compare(loaded)]
                    tools |= {"@tensorflow/tfjs": loaded.version, "browser": str(session.browser_version)}
                # The page tries its kernels first; they refuse the other converter's graph.
                with suppress(UnavailableError), load_tfjs(session, KERNELS, artefact.precision) as loaded:
                    cells.append(compare(loaded))
            judged.append(_record(artefact, _worst_cell(cells)))
    return manifest.model_copy(update={"artefacts": tuple(judged), "tools": tools})


def _worst_cell(cells: Sequence[Cell]) -> Cell:
    return max(cells, key=lambda cell: (cell.verdict == "failed", cell.measurement and cell.measurement.max_abs_prob))


def _record(artefact: Artefact, cell: Cell) -> Artefact:
    """The artefact with what was measured and decided."""
    parity = None
    if cell.measurement is not None and cell.worst is not None:
        parity = ParityRecord(
            rung="tensor",
            backend=str(cell.runtime),
            max_abs_prob=cell.measurement.max_abs_prob,
            max_abs_logit=cell.measurement.max_abs_logit,
            top1_agreement=cell.measurement.top1_agreement,
            mean_kl=cell.measurement.mean_kl,
            samples=cell.measurement.samples,
            worst_sample=cell.worst.name,
        )
    return artefact.model_copy(update={"parity": parity, "verdict": cell.verdict, "reasons": cell.reasons})
