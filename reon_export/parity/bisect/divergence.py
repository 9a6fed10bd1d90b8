"""What a bisection found: how far every node of a runtime is from PyTorch, and where it first leaves it. Pure."""

import math
from dataclasses import dataclass

from reon_export.manifest import Precision

# Ten times the largest relative difference of any node of a healthy model: reon-demo-b0 at 112 px, 12 crops, measured
# 2.6e-6 (ONNX Runtime), 3.5e-6 (TF.js wasm) and 3.3e-3 (TF.js wasm with float16 weights). There is no healthy uint8
# model to measure: it is held to what float16 can do, which names the first layer that 8 bits do not describe.
THRESHOLDS: dict[Precision, float] = {"float32": 4e-5, "float16": 3e-2, "uint8": 3e-2}


@dataclass(frozen=True)
class NodeDifference:
    """One tensor of a runtime against PyTorch's, over all crops.

    `node` is its name in the exported graph. `relative` is max |difference| / max |PyTorch's value|. `own` is the same
    for the layer alone, with PyTorch's layer fed with the runtime's own input: what this node adds, whatever went wrong
    before it (None where the node is not a layer). Values that are not finite make them infinite.
    """

    block: str
    part: str
    node: str
    op: str
    max_abs: float
    relative: float
    own: float | None = None


@dataclass(frozen=True)
class Divergence:
    """The first node, in the order of the data flow, whose relative difference is over `threshold`."""

    node: str
    block: str
    part: str
    max_abs: float
    relative: float
    threshold: float

    def __str__(self) -> str:
        """One line for people."""
        if math.isinf(self.relative):
            return f"leaves PyTorch at {self.block}, {self.part}: values that are not finite, in {self.node}"
        return (
            f"leaves PyTorch at {self.block}, {self.part}: relative difference {self.relative:.1e} "
            f"is over {self.threshold:.0e}, in {self.node}"
        )


@dataclass(frozen=True)
class BlockDifference:
    """A block of the network: its largest relative difference, and the largest that one of its layers adds itself."""

    block: str
    max_abs: float
    relative: float
    own: float


@dataclass(frozen=True)
class Bisection:
    """One runtime: every compared node, in the order of the data flow. `runtime` is like `onnx` or `tfjs:wasm`."""

    runtime: str
    precision: Precision
    samples: int
    rows: tuple[NodeDifference, ...]

    def first_over(self, threshold: float | None = None) -> Divergence | None:
        """The first node over the threshold (that of the precision by default); None if there is none."""
        threshold = THRESHOLDS[self.precision] if threshold is None else threshold
        for row in self.rows:
            if not row.relative <= threshold:
                return Divergence(row.node, row.block, row.part, row.max_abs, row.relative, threshold)
        return None

    @property
    def largest_own(self) -> NodeDifference:
        """The layer that adds most by itself (the first one, of equals)."""
        return max((row for row in self.rows if row.own is not None), key=lambda row: row.own or 0.0)

    def by_block(self) -> tuple[BlockDifference, ...]:
        """The rows summed up, in order: stem, block 1 to block 16, head."""
        blocks: dict[str, list[NodeDifference]] = {}
        for row in self.rows:
            blocks.setdefault(row.block, []).append(row)
        return tuple(
            BlockDifference(
                block=block,
                max_abs=max(row.max_abs for row in rows),
                relative=max(row.relative for row in rows),
                own=max(row.own or 0.0 for row in rows),
            )
            for block, rows in blocks.items()
        )


@dataclass(frozen=True)
class BisectReport:
    """A model folder, bisected in each runtime."""

    model: str
    bisections: tuple[Bisection, ...]
