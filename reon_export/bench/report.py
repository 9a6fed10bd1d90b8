"""A bench as JSON, as a table and as a picture."""

import json
from dataclasses import asdict
from html import escape
from pathlib import Path

from pydantic import TypeAdapter

from reon_export.atomic import replace_file
from reon_export.bench.job import CHAIN
from reon_export.bench.records import BenchRun, Memory, Row, Step
from reon_export.output_places import OwnFiles
from reon_export.read_file import read_bytes

_JSON, _MARKDOWN, _SVG = "bench.json", "bench.md", "bench.svg"
_FORMAT = "reon-bench"
_RUN = TypeAdapter(BenchRun)


def _is_ours(path: Path) -> bool:
    try:
        return bool(json.loads(read_bytes(path)).get("format") == _FORMAT)
    except (ValueError, AttributeError):
        return False


BENCH_FILES = OwnFiles("--out", _JSON, (_JSON, _MARKDOWN, _SVG), _is_ours)


def to_json(run: BenchRun) -> dict[str, object]:
    """For machines."""
    return {"format": _FORMAT, "version": 1, **asdict(run)}


def read_bench(path: Path) -> BenchRun:
    """A bench.json that `write_bench` wrote. Raises ValueError or OSError if it is none."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("format", None) != _FORMAT or content.pop("version", None) != 1:
        raise ValueError(f"{path} is no bench.json of this version")
    return _RUN.validate_python(content)


def write_bench(run: BenchRun, folder: Path) -> None:
    """Write all three into a folder. Raises FolderError if something of another is in the way."""
    BENCH_FILES.check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        _JSON: json.dumps(to_json(run), indent=1) + "\n",
        _MARKDOWN: to_markdown(run) + profile_to_markdown(run),
        _SVG: to_svg(run),
    }
    for name, content in contents.items():
        replace_file(folder / name, content.encode())


def baseline(run: BenchRun, task: str) -> Row | None:
    """What a task's ratios are to: TF.js on wasm, with onnx2tf's graph if it was measured."""
    measured = [row for row in run.rows if row.task == task and row.median_ms is not None]
    for name in (CHAIN, "tfjs:wasm"):
        for row in measured:
            if row.runtime == name:
                return row
    return None


def ratio(run: BenchRun, row: Row) -> float | None:
    """Its median over the baseline's."""
    base = baseline(run, row.task)
    if row.median_ms is None or base is None or base.median_ms is None:
        return None
    return row.median_ms / base.median_ms


def to_markdown(run: BenchRun) -> str:
    """Tables, as README.md has them."""
    lines = ["| task | runtime | median | 90 % | ratio | largest difference |", "|---|---|---:|---:|---:|---:|"]
    lines += [_row_line(run, row) for row in run.rows if row.median_ms is not None]
    first_visits = [
        "",
        "| first visit | requests | code, gzip | weights | ready | first reading |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += first_visits if run.visits else []
    for visit in run.visits:
        sizes = f"{visit.code_bytes / 1000:.0f} kB | {visit.weight_bytes / 1000:.0f} kB of the detector"
        times = f"{visit.ready_ms:.0f} ms | {visit.reading_ms:.0f} ms"
        lines.append(f"| {visit.runtime} | {visit.requests} | {sizes} | {times} |")
    lines += ["", *map(_memory_line, run.memory)]
    absent = [f"{row.task} on {row.runtime}: {row.reason}" for row in run.rows if row.median_ms is None]
    lines += ["", *(f"Not measured: {text.rstrip('.')}." for text in absent)] if absent else []
    browser = f" in {run.browser}" if run.browser else ""
    where = f"Medians of {run.rounds} interleaved rounds{browser} on {run.machine}, one thread"
    return "\n".join([*lines, "", f"{where}; ratios are to {_describe_baselines(run)}.", ""])


def profile_to_markdown(run: BenchRun) -> str:
    """A table for each network and variant of the kernels: where its time goes, by kernel and then by step."""
    parts = []
    for task, runtime in dict.fromkeys((step.task, step.runtime) for step in run.steps):
        steps = [step for step in run.steps if (step.task, step.runtime) == (task, runtime)]
        total_ms = sum(step.ms for step in steps)
        parts += [f"\n{task} on {runtime}: {total_ms:.2f} ms, step by step", ""]
        parts += ["| step | kernel | time | share | GFLOP/s |", "|---|---|---:|---:|---:|"]
        for kernel in dict.fromkeys(step.kernel for step in steps):
            same = [step for step in steps if step.kernel == kernel]
            whole = Step(task, runtime, "all", kernel, sum(one.operations for one in same), sum(one.ms for one in same))
            parts += [_step_line(one, total_ms) for one in (whole, *same)]
    return "\n".join([*parts, ""]) if parts else ""


def _step_line(step: Step, total_ms: float) -> str:
    rate = f"{step.operations / step.ms / 1e6:.1f}" if step.ms > 0 else "–"
    share = step.ms / total_ms if total_ms > 0 else 0.0
    return f"| {step.name} | {step.kernel} | {step.ms:.3f} ms | {share:.1%} | {rate} |"


def _row_line(run: BenchRun, row: Row) -> str:
    share = ratio(run, row)
    cells = [
        row.task,
        row.runtime,
        f"{row.median_ms:.2f} ms",
        f"{row.p90_ms:.2f} ms",
        "–" if share is None else f"{share:.2f}",
        "–" if row.max_abs_prob is None else f"{row.max_abs_prob:.1e}",
    ]
    return f"| {' | '.join(cells)} |"


def _memory_line(memory: Memory) -> str:
    if memory.before_bytes is None or memory.after_bytes is None:
        return f"{memory.frames:,} frames on {memory.runtime}: this browser does not tell its memory."
    before, after = memory.before_bytes / 1e6, memory.after_bytes / 1e6
    return f"{memory.frames:,} frames on {memory.runtime}: {before:.1f} MB before, {after:.1f} MB after."


def _describe_baselines(run: BenchRun) -> str:
    names = {base.runtime for row in run.rows if (base := baseline(run, row.task)) is not None}
    return " or ".join(sorted(names)) or "nothing"


_BAR_HEIGHT, _LEFT, _WIDTH = 18, 250, 420


def to_svg(run: BenchRun) -> str:
    """Bars of the medians, a group for each task, each to the scale of its slowest."""
    parts, y = [], 24
    tasks = dict.fromkeys(row.task for row in run.rows if row.median_ms is not None)
    for task in tasks:
        rows = [row for row in run.rows if row.task == task and row.median_ms is not None]
        slowest = max(row.median_ms or 0.0 for row in rows)
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{escape(task)}</text>')
        for row in rows:
            y += _BAR_HEIGHT
            length = _WIDTH * (row.median_ms or 0.0) / slowest
            colour = "#0b6e4f" if row.runtime.startswith("kernels") else "#8a8f98"
            parts.append(
                f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{escape(row.runtime)}</text>'
                f'<rect x="{_LEFT}" y="{y - 11}" width="{length:.1f}" height="13" fill="{colour}"/>'
                f'<text x="{_LEFT + length + 6:.1f}" y="{y}">{row.median_ms:.1f} ms</text>'
            )
        y += 2 * _BAR_HEIGHT
    size = f'width="{_LEFT + _WIDTH + 90}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return f'{head}<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
