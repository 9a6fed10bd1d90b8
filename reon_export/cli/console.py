"""What the commands print: progress and one error line to stderr, results to stdout."""

import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status
from rich.table import Table

from reon_export.manifest import Artefact
from reon_export.paths import DEFAULT_MODEL_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from reon_export.environment.doctor import Finding
    from reon_export.export.build import BuildResult
    from reon_export.export.plan import BuildPlan
    from reon_export.parity.records import ParityRun
    from reon_export.site.static_site import Written

# What a machine reads goes to stdout; what a person watches goes to stderr.
progress = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def print_error(message: str) -> None:
    """One line (or a few, where an error brings code to copy) on stderr."""
    progress.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)


def print_json(value: object) -> None:
    """For machines: indented, UTF-8, on stdout."""
    out.print(json.dumps(value, ensure_ascii=False, indent=2), soft_wrap=True, markup=False, highlight=False)


class StepPrinter:
    """Shows the running step with a spinner and each finished one with its time."""

    def __init__(self) -> None:
        """Nothing is shown before the first step."""
        self._status: Status | None = None

    def __call__(self, name: str, seconds: float | None) -> None:
        """See StepListener."""
        if seconds is None:
            self.close()
            self._status = progress.status(f"{name} …")
            self._status.start()
        else:
            progress.print(f"  [green]✓[/] {name:<26} {seconds:6.1f} s")

    def close(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()
            self._status = None


class ProgressBars:
    """A bar for each named part of a long job."""

    def __init__(self) -> None:
        """Nothing is shown before the first call."""
        columns = (TextColumn("  {task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=progress)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBars":
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *reason: object) -> None:
        """Stop drawing."""
        self._progress.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Move the bar of `name`."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


def print_plan(plan: "BuildPlan", as_json: bool) -> None:
    """What a build would do."""
    spec, checkpoint = plan.spec, plan.checkpoint
    facts = {
        "checkpoint": str(plan.path),
        "weights": checkpoint.weights_key or "at the top level",
        "layout": checkpoint.layout,
        "sha256": checkpoint.sha256,
        "labels": [label.key for label in spec.labels],
        "input": [spec.input.height, spec.input.width, 3],
        "mean": list(spec.normalisation.mean),
        "std": list(spec.normalisation.std),
        "opset": plan.options.opset,
        "precisions": list(plan.options.precisions),
        "parity_crops": len(plan.crops.names) if plan.options.parity else 0,
        "out": str(plan.options.out),
        "site": str(plan.options.site) if plan.options.site else None,
        "standalone": str(plan.options.standalone) if plan.options.standalone else None,
        "warnings": list(plan.warnings),
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value is None:
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        out.print(f"{name.replace('_', ' '):<14} {escape(str(shown))}", soft_wrap=True)
    out.print("Nothing was written; the same command without --dry-run builds it.")


def result_as_json(result: "BuildResult") -> dict[str, object]:
    """A build's result for machines."""
    return {
        "folder": str(result.folder),
        "usable": result.usable,
        "warnings": list(result.warnings),
        "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in result.steps],
        "manifest": result.manifest.model_dump(mode="json"),
        "site": _written_as_json(result.site),
        "standalone": _written_as_json(result.standalone),
        "not_written": [str(path) for path in result.not_written],
    }


def _written_as_json(written: "Written | None") -> dict[str, object] | None:
    if written is None:
        return None
    return {"path": str(written.path), "files": written.files, "bytes": written.bytes}


def print_result(result: "BuildResult") -> None:
    """A build's table, what failed and why, and what to do next."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("artefact")
    for heading in ("bytes", "gzip bytes", "max |Δp|", "top-1"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for artefact in result.manifest.artefacts:
        table.add_row(*_table_row(artefact))
    out.print()
    out.print(table)
    for artefact in result.manifest.artefacts:
        if artefact.verdict == "failed":
            note = f"{artefact.name} failed its gate: {'; '.join(artefact.reasons)}. The page will not load it."
            out.print(f"[red]{escape(note)}[/]", soft_wrap=True)
    for warning in result.warnings:
        out.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    total = sum(seconds for _, seconds in result.steps)
    out.print(f"\n{escape(str(result.folder))} made in {total:.1f} s.", soft_wrap=True)
    for line in _describe_written(result):
        out.print(line, soft_wrap=True)
    out.print(_next_step(result), soft_wrap=True)


def _table_row(artefact: Artefact) -> tuple[str, ...]:
    colour = {"passed": "green", "failed": "red", "not_run": "yellow"}[artefact.verdict]
    parity = artefact.parity
    return (
        artefact.name,
        f"{artefact.bytes:,}",
        f"{artefact.gzip_bytes:,}",
        f"{parity.max_abs_prob:.1e}" if parity else "-",
        f"{parity.top1_agreement:.1%}" if parity else "-",
        f"[{colour}]{artefact.verdict.replace('_', ' ')}[/]",
    )


def _describe_written(result: "BuildResult") -> "Iterator[str]":
    if result.site is not None:
        path, files, size = escape(str(result.site.path)), result.site.files, result.site.bytes / 1e6
        yield f"{path} written: {files} files, {size:.1f} MB, for any static host, at any path."
    if result.standalone is not None:
        path, size = escape(str(result.standalone.path)), result.standalone.bytes / 1e6
        yield f"{path} written: one file, {size:.1f} MB, that runs when it is double-clicked."
    for asked in result.not_written:
        yield f"[red]{escape(str(asked))} was not written.[/]"


def _next_step(result: "BuildResult") -> str:
    if not result.usable:
        return "Not fit for a browser: the exact artefacts must pass. Check the reasons above before you use it."
    if result.site is not None:
        return f"Next: python -m reon_export serve {escape(str(result.site.path))} --open"
    if result.standalone is not None:
        return f"Next: open {escape(str(result.standalone.path))} in a browser"
    serve = "python -m reon_export serve --open"
    if result.folder.resolve() == DEFAULT_MODEL_DIR.resolve():
        return f"Next: {serve}"
    return f"Next: {serve} --model {escape(str(result.folder))}"


def print_findings(findings: "list[Finding]") -> None:
    """The doctor's findings, and the commands that fix them."""
    colours = {"ok": "green", "missing": "red", "conflict": "red", "warning": "yellow"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "status", "found", "wanted"):
        table.add_column(heading)
    for finding in findings:
        status = f"[{colours[finding.status]}]{finding.status}[/]"
        table.add_row(escape(finding.name), status, escape(finding.found), escape(finding.wanted))
    out.print(table)
    for finding in findings:
        if finding.status != "ok":
            note = f" ({finding.note})" if finding.note else ""
            mend = f": {finding.fix}" if finding.fix else ""
            out.print(f"[bold]{escape(finding.name)}[/]{escape(note)}{escape(mend)}", soft_wrap=True)
    wrong = sum(finding.status in ("missing", "conflict") for finding in findings)
    out.print("Ready: python -m reon_export build" if not wrong else f"{wrong} to fix: see the commands above.")


def print_parity(run: "ParityRun", report: str) -> None:
    """A parity job's table, its verdict, and where the report lies."""
    from reon_export.cli.parity_table import render_summary
    from reon_export.parity.records import Cell

    out.print()
    out.print(render_summary(run))
    colour = {"passed": "green", "failed": "red", "not_run": "yellow"}[run.verdict]
    for part in run.parts:
        if part.verdict != "passed" and part.reasons:
            cell = (str(part.runtime), part.precision) if isinstance(part, Cell) else ()
            where = " ".join(filter(None, (str(part.browser or ""), *cell)))
            allowed = "" if run.counts_against(part) else " (allowed)"
            line = f"{where} {part.verdict.replace('_', ' ')}{allowed}: {'; '.join(part.reasons)}"
            out.print(escape(line), soft_wrap=True)
    out.print(f"\nParity [bold {colour}]{run.verdict.replace('_', ' ')}[/] in {run.seconds:.0f} s.")
    out.print(f"Next: look at {escape(report)}", soft_wrap=True)
