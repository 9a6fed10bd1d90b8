"""What the commands print: progress and one error line to stderr, results to stdout."""

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status
from rich.text import Text

from reon_export.manifest import Verdict
from reon_export.printable import escape, make_printable

if TYPE_CHECKING:
    from rich.progress import TaskID


class _SafeConsole(Console):
    """Whatever is printed, nothing in it but rich's own colours reaches the terminal as a control character."""

    def on_broken_pipe(self) -> None:
        """The reader has gone; rich would end with exit code 1."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        """As rich does; every text passes here, and every cell of a table."""
        return super().render_str(make_printable(text, keep="\n"), **options)


# What a machine reads goes to stdout; what a person watches goes to stderr.
progress = _SafeConsole(stderr=True, highlight=False)
out = _SafeConsole(highlight=False)
VERDICT_COLOURS: dict[Verdict, str] = {"passed": "green", "failed": "red", "not_run": "yellow"}


def print_error(message: str, recipe: str = "") -> None:
    """One line on stderr, and below it the code to copy that some errors bring."""
    lines = [f"[bold red]error:[/] {escape(message)}", *map(escape, recipe.splitlines())]
    progress.print("\n".join(lines), soft_wrap=True)


def print_json(value: object) -> None:
    """For machines: indented, UTF-8, on stdout; control characters and direction marks as JSON's escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    text = "".join(c if make_printable(c, keep="\n") == c else json.dumps(c)[1:-1] for c in text)
    out.print(text, soft_wrap=True, markup=False, highlight=False)


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
            self._tasks[name] = self._progress.add_task(escape(name), total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)
