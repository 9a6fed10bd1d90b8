"""The names of runtimes. Imports nothing heavy, so that `--help` stays quick."""

from dataclasses import dataclass
from typing import Literal

RuntimeKind = Literal["torch", "onnx", "tfjs", "kernels"]
Backend = Literal["wasm", "webgl", "webgpu", "cpu"]
Variant = Literal["relaxed", "simd"]
BACKENDS: tuple[Backend, ...] = ("wasm", "webgl", "webgpu", "cpu")
_THREADS_SUFFIX = "-threads"


@dataclass(frozen=True)
class RuntimeId:
    """Which runtime: `torch`, `onnx`, `tfjs` on a backend, `kernels` in a variant or the one that the browser can run.

    As text: `torch`, `onnx`, `kernels`, `kernels:simd`, `tfjs:wasm`, `tfjs:wasm-threads`, `tfjs:webgl`, ...
    """

    kind: RuntimeKind
    backend: Backend | Variant | None = None
    threads: bool = False

    def __str__(self) -> str:
        if self.backend is None:
            return self.kind
        return f"{self.kind}:{self.backend}{_THREADS_SUFFIX if self.threads else ''}"

    @property
    def in_browser(self) -> bool:
        """Whether it runs in a browser."""
        return self.kind in {"tfjs", "kernels"}

    @property
    def page_backend(self) -> str | None:
        """What the page calls it."""
        return str(self) if self.kind == "kernels" else self.backend


TORCH, ONNX = RuntimeId("torch"), RuntimeId("onnx")
TFJS_WASM, TFJS_WASM_THREADS = RuntimeId("tfjs", "wasm"), RuntimeId("tfjs", "wasm", threads=True)
TFJS_RUNTIMES = (TFJS_WASM, TFJS_WASM_THREADS, *(RuntimeId("tfjs", backend) for backend in BACKENDS[1:]))
KERNELS = RuntimeId("kernels")
KERNEL_RUNTIMES = (KERNELS, RuntimeId("kernels", "relaxed"), RuntimeId("kernels", "simd"))
BROWSER_RUNTIMES = (*KERNEL_RUNTIMES, *TFJS_RUNTIMES)
RUNTIMES = (TORCH, ONNX, *BROWSER_RUNTIMES)


def parse_runtime(text: str) -> RuntimeId:
    """The runtime that `text` names. Raises ValueError."""
    for runtime in RUNTIMES:
        if str(runtime) == text:
            return runtime
    raise ValueError(f"unknown runtime {text!r}, expected one of {', '.join(map(str, RUNTIMES))}")
