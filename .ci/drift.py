"""What moves and what breaks with the newest packages that pyproject.toml allows: a table, in build/drift/drift.md.

    make drift

Installs into build/drift/.venv without constraints.txt, then runs there the quick tests, one build of the default
checkpoint with its parity in a browser, and the parity job. Takes ten minutes and 5 GB; changes nothing else.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "drift"
PYTHON = FOLDER / ".venv" / "bin" / "python"
CONSTRAINTS = ROOT / "reon_export" / "environment" / "constraints.txt"


@dataclass(frozen=True)
class Step:
    """A command that was run: how it ended, its last line, and for how long it ran."""

    name: str
    code: int
    said: str
    seconds: float


def run(name: str, *command: str) -> Step:
    """Run a command in the project's folder; all that it prints goes to a log."""
    print(f"{name} …", flush=True)
    started = time.perf_counter()
    log = FOLDER / f"{name.replace(' ', '_')}.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, check=False)
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return Step(name, done.returncode, lines[-1] if lines else "", time.perf_counter() - started)


def normalise(name: str) -> str:
    """As PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins() -> dict[str, str]:
    """The versions of constraints.txt by name."""
    pairs = (line.strip().split("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    return {normalise(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


def read_installed() -> dict[str, str]:
    """The versions of the new environment by name."""
    site = next((FOLDER / ".venv" / "lib").glob("python*")) / "site-packages"
    found = importlib.metadata.distributions(path=[str(site)])
    return {normalise(item.metadata["Name"]): item.version.partition("+")[0] for item in found}


def render(steps: list[Step], pins: dict[str, str], installed: dict[str, str]) -> str:
    """The report in Markdown."""
    lines = ["# Drift", "", "| step | result | last line | seconds |", "|---|---|---|---:|"]
    for step in steps:
        result = "passed" if step.code == 0 else f"failed (exit code {step.code})"
        lines.append(f"| {step.name} | {result} | {step.said.replace('|', ' ')[:120]} | {step.seconds:.0f} |")
    moved = sorted(name for name in pins if name in installed and installed[name] != pins[name])
    lines += ["", f"{len(moved)} of {len(pins)} pinned packages moved.", "", "| package | pinned | newest allowed |"]
    lines += ["|---|---|---|", *(f"| {name} | {pins[name]} | {installed[name]} |" for name in moved)]
    came, went = sorted(installed.keys() - pins.keys()), sorted(pins.keys() - installed.keys())
    came = [name for name in came if name not in {"pip", "reon-export"} and not name.startswith("nvidia-")]
    lines += ["", f"New: {', '.join(came) or 'none'}. Gone: {', '.join(went) or 'none'}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Install, run, report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    venv.create(FOLDER / ".venv", with_pip=True, clear=True)
    pip = (str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check")
    model, report = str(FOLDER / "model"), str(FOLDER / "report")
    steps = [
        run("setuptools", *pip, "setuptools<81", "wheel"),
        run("install", *pip, "--no-build-isolation", "-e", ".[export,browser,ray,dev]"),
    ]
    if all(step.code == 0 for step in steps):
        tests = ("-m", "pytest", "-q", "-n", "2", "-m", "not slow and not browser", "-p", "no:cacheprovider")
        steps += [
            run("doctor", str(PYTHON), "-m", "reon_export", "doctor"),
            run("quick tests", str(PYTHON), *tests),
            run("build", str(PYTHON), "-m", "reon_export", "build", "--out", model),
            run("parity", str(PYTHON), "-m", "reon_export", "parity", model, "--report", report),
        ]
    text = render(steps, read_pins(), read_installed())
    (FOLDER / "drift.md").write_text(text, encoding="utf-8")
    (FOLDER / "drift.json").write_text(json.dumps([vars(step) for step in steps], indent=1) + "\n", encoding="utf-8")
    print(f"\n{text}\nWritten: {(FOLDER / 'drift.md').relative_to(ROOT)}; each step's output lies beside it.")
    # The doctor compares with constraints.txt, so it is meant to find what moved.
    sys.exit(any(step.code != 0 for step in steps if step.name != "doctor"))


if __name__ == "__main__":
    main()
