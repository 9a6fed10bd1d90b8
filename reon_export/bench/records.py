"""What a bench measures. Written as JSON, and read again for the README's table."""

from dataclasses import dataclass

from reon_export.manifest import Verdict


@dataclass(frozen=True)
class Row:
    """One runtime doing one task.

    Attributes:
        task: Like `classifier 112`, `detector`, `frame`.
        runtime: Like `kernels:relaxed`, `tfjs:wasm`, `onnxruntime-web:wasm`.
        version: Of the library.
        verdict: Of its agreement with PyTorch's graph in ONNX Runtime; `not_run` for tasks that have none, and for what
            does not run here (`reason` says why).
        max_abs_prob: The largest difference of a probability that was seen.
        median_ms, p90_ms: Of one run.
    """

    task: str
    runtime: str
    version: str = ""
    verdict: Verdict = "not_run"
    reason: str = ""
    max_abs_prob: float | None = None
    median_ms: float | None = None
    p90_ms: float | None = None


@dataclass(frozen=True)
class Visit:
    """A first visit to a page that takes js/pipeline.js: from nothing to the first reading. Medians.

    Attributes:
        requests: Different files, the worker's and the model's among them.
        code_bytes: Scripts and WebAssembly, as gzip would send them.
        weight_bytes: The detector's.
    """

    runtime: str
    requests: int
    code_bytes: int
    weight_bytes: int
    ready_ms: float
    reading_ms: float


@dataclass(frozen=True)
class Memory:
    """Many frames, one after the other: the page's memory before and after them, WebAssembly's among it."""

    runtime: str
    frames: int
    before_bytes: int | None
    after_bytes: int | None


@dataclass(frozen=True)
class Step:
    """A step of a classifier on the kernels.

    Attributes:
        task: Like `classifier 112`.
        runtime: Like `kernels:relaxed`.
        name: Of the graph's node.
        operations: Multiplications and additions.
        ms: Mean of one run.
    """

    task: str
    runtime: str
    name: str
    kernel: str
    operations: int
    ms: float


@dataclass(frozen=True)
class BenchRun:
    """Everything, and where it was measured."""

    machine: str
    browser: str
    rounds: int
    made_at: str
    rows: tuple[Row, ...]
    visits: tuple[Visit, ...]
    memory: tuple[Memory, ...]
    steps: tuple[Step, ...] = ()
