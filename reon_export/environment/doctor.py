"""Looks at the environment and says what is missing, what disagrees, and the command that puts it right.

Nothing heavy is imported: package versions are read from their metadata, so this takes well under a second, whatever
is broken.
"""

import dataclasses
import importlib.metadata
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from reon_export.browsers.select import engine_install_command, find_engine, install_command
from reon_export.environment.converters import WITNESS_PYTHON, WITNESS_TOOLS, why_no_witness
from reon_export.environment.package_rules import RULES, WITNESS_RULES, Rule, find_clashes
from reon_export.errors import BrowserError, SetupError
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR, IS_CHECKOUT, PROJECT_ROOT, WEB_DEMO

_PYTHONS = SpecifierSet(">=3.11,<3.15")
# Without these the main job runs: a second converter, a cluster, what changes the project.
_OPTIONAL = frozenset({"onnx2tf", "ray", "dev"})
Status = Literal["ok", "missing", "conflict", "warning"]
_OLDEST_NODE = 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fix` is the command or the words for what to do; `note` says why."""

    name: str
    status: Status
    found: str
    wanted: str
    fix: str = ""
    note: str = ""


@dataclass(frozen=True)
class Machine:
    """What matters of this machine beside its Python packages; None is "not there"."""

    python: str
    browser: Path | None
    firefox: Path | None
    webkit: Path | None
    node: str | None
    npm: Path | None
    vendor: Path
    checkpoint: Path
    manifest: Path


def diagnose(installed: Mapping[str, str] | None = None, machine: Machine | None = None) -> list[Finding]:
    """Every finding about the environment, the good ones too.

    Args:
        installed: versions by package name; by default those that this Python would import.
        machine: the rest of the surroundings; by default this machine.

    Raises SetupError when the project's own files (pyproject.toml, constraints.txt) cannot be read.
    """
    versions = installed_versions() if installed is None else installed
    versions = {canonicalize_name(name): version for name, version in versions.items()}
    machine = machine or survey_machine()
    return [
        *_check_packages(versions, machine.python),
        *_check_clashes(versions),
        _check_converters(versions, machine.python),
        *_check_machine(machine),
    ]


def has_problems(findings: Sequence[Finding]) -> bool:
    """Whether something is missing or in conflict; a warning is not a problem."""
    return any(finding.status in ("missing", "conflict") for finding in findings)


def describe_findings(findings: Sequence[Finding]) -> dict[str, object]:
    """The findings as plain values: {"ok": bool, "findings": [{name, status, found, wanted, fix, note}]}."""
    return {"ok": not has_problems(findings), "findings": [dataclasses.asdict(item) for item in findings]}


def find_constraints(python: str) -> Path:
    """What was tried together: with onnx2tf and tensorflowjs on Python 3.11, without them on later ones."""
    is_311 = python.startswith(f"{WITNESS_PYTHON}.")
    return Path(__file__).with_name("constraints.txt" if is_311 else "constraints-newer.txt")


CONSTRAINTS = find_constraints(platform.python_version())


def read_constraints(path: Path = CONSTRAINTS) -> dict[str, str]:
    """Pinned versions by canonical package name. Raises SetupError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SetupError(f"cannot read the pinned versions {path}: {error.strerror}; reinstall reon_export") from error
    pins = [line.split("==") for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(name): version.strip() for name, version in pins}


def direct_dependencies(pyproject: Path = PROJECT_ROOT / "pyproject.toml") -> dict[str, list[Requirement]]:
    """What this project asks for itself, by group: base, then the extras. Raises SetupError."""
    if not IS_CHECKOUT:
        return _dependencies_of_the_wheel()
    try:
        project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    except OSError as error:
        raise SetupError(
            f"cannot read {pyproject}: {error.strerror}; run it from a checkout, installed with `make setup`"
        ) from error
    groups = {"base": project["dependencies"], **project["optional-dependencies"]}
    return {group: [Requirement(text) for text in texts] for group, texts in groups.items()}


def _dependencies_of_the_wheel() -> dict[str, list[Requirement]]:
    """The same from the metadata, in which an extra is part of a marker: `...; extra == "browser"`."""
    metadata = importlib.metadata.metadata("reon_export")
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist") or ()]
    groups = {"base": [item for item in requirements if "extra" not in str(item.marker)]}
    for extra in metadata.get_all("Provides-Extra") or ():
        groups[extra] = [item for item in requirements if re.search(rf"extra == ['\"]{extra}['\"]", str(item.marker))]
    return groups


def installed_versions() -> dict[str, str]:
    """Versions of the packages that this Python would import, by canonical name."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # a half-removed package has a folder without a name in it
            versions.setdefault(canonicalize_name(name), distribution.version)
    return versions


def survey_machine() -> Machine:
    """This machine."""
    npm = shutil.which("npm")
    return Machine(
        python=platform.python_version(),
        browser=_find(None),
        firefox=_find("firefox"),
        webkit=_find("webkit"),
        node=_node_version(),
        npm=None if npm is None else Path(npm),
        vendor=WEB_DEMO / "vendor",
        checkpoint=DEFAULT_CHECKPOINT,
        manifest=DEFAULT_MODEL_DIR / "manifest.json",
    )


def _find(engine: str | None) -> Path | None:
    try:
        return find_engine(engine)
    except BrowserError:
        return None


def pip_command(*arguments: str) -> str:
    """A pip command for this Python, with the pinned versions, to be pasted into a shell."""
    return shlex.join([sys.executable, "-m", "pip", "install", "-c", str(CONSTRAINTS), *arguments])


def _check_packages(versions: Mapping[str, str], python: str) -> Iterator[Finding]:
    pins = read_constraints(find_constraints(python))
    version = ".".join(python.split(".")[:2])
    seen: set[str] = set()
    has_witness = any(tool in versions for tool in WITNESS_TOOLS)
    for group, requirements in direct_dependencies().items():
        if (group == "onnx2tf" and not has_witness) or (group == "dev" and not IS_CHECKOUT):
            continue  # the one is said in one line by `_check_converters`, the other is for changing a checkout
        for requirement in requirements:
            name = canonicalize_name(requirement.name)
            applies = requirement.marker is None or requirement.marker.evaluate(
                {"python_version": version, "extra": group}
            )
            if name not in seen and applies:
                seen.add(name)
                rule = None if name in WITNESS_RULES and not has_witness else RULES.get(name)
                yield _check_package(group, requirement, versions.get(name), pins.get(name), rule)


def _check_converters(versions: Mapping[str, str], python: str) -> Finding:
    missing = [tool for tool in WITNESS_TOOLS if tool not in versions]
    reason = why_no_witness(python, missing)
    found = "direct" if reason else "direct, and onnx2tf as a witness"
    return Finding("converters to TF.js", "ok", found, "direct; onnx2tf if you want a witness", note=reason or "")


def _check_package(
    group: str, requirement: Requirement, found: str | None, pin: str | None, rule: Rule | None
) -> Finding:
    name = canonicalize_name(requirement.name)
    label = f"{name} [{group}]"
    wanted = pin or str(requirement.specifier) or "any version"
    fix = pip_command(name)
    if found is None:
        status: Status = "warning" if group in _OPTIONAL else "missing"
        return Finding(label, status, "not installed", wanted, fix)
    if rule is not None and not _fits(found, SpecifierSet(rule.specifier)):
        return Finding(label, "conflict", found, f"{wanted} ({rule.specifier})", fix, rule.why)
    if not _fits(found, requirement.specifier):
        return Finding(label, "conflict", found, f"{wanted} ({requirement.specifier})", fix)
    if pin is not None and Version(found).public != Version(pin).public:
        return Finding(label, "warning", found, wanted, fix, "not the version that this project was tried with")
    return Finding(label, "ok", found, wanted)


def _fits(version: str, specifier: SpecifierSet) -> bool:
    try:
        return specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _check_clashes(versions: Mapping[str, str]) -> Iterator[Finding]:
    for clash in find_clashes(versions):
        python = shlex.quote(sys.executable)
        steps = [f"{python} -m pip uninstall -y {' '.join(clash.remove)}"] if clash.remove else []
        if clash.reinstall:
            # The packages share files, so removing one leaves the other with holes.
            steps.append(pip_command("--force-reinstall", "--no-deps", clash.reinstall))
        yield Finding(clash.name, clash.status, clash.found, clash.wanted, " && ".join(steps), clash.why)


def _check_machine(machine: Machine) -> Iterator[Finding]:
    right_python = _fits(machine.python, _PYTHONS)
    yield Finding(
        "Python",
        "ok" if right_python else "conflict",
        machine.python,
        "3.11 to 3.14",
        "" if right_python else "PYTHON=/path/to/python3.13 make distclean setup",
    )
    yield _there("browser", machine.browser, "Chrome or Chromium", install_command())
    for engine, program in (("firefox", machine.firefox), ("webkit", machine.webkit)):
        finding = _there(engine, program, "optional: parity in this engine, too", engine_install_command(engine))
        yield dataclasses.replace(finding, status="warning") if program is None else finding
    yield _check_node(machine.node)
    yield _there("npm", machine.npm, "npm", "install Node 20 from https://nodejs.org (npm comes with it)")
    vendor = machine.vendor if machine.vendor.is_dir() and any(machine.vendor.iterdir()) else None
    yield _there("vendored JavaScript", vendor, str(machine.vendor), "make vendor")
    checkpoint = machine.checkpoint if machine.checkpoint.is_file() else None
    yield _there(
        "default checkpoint",
        checkpoint,
        str(machine.checkpoint),
        f"git checkout -- {shlex.quote(str(machine.checkpoint))}",
    )
    manifest = machine.manifest if machine.manifest.is_file() else None
    how = "make build" if IS_CHECKOUT else "reon-export build"
    built = _there("built model", manifest, str(machine.manifest), how)
    # Nothing is wrong with a checkout in which nobody has run the build yet.
    yield dataclasses.replace(built, status="warning") if manifest is None else built


def _there(name: str, found: Path | None, wanted: str, fix: str) -> Finding:
    if found is None:
        return Finding(name, "missing", "not there", wanted, fix)
    return Finding(name, "ok", str(found), wanted)


def _check_node(version: str | None) -> Finding:
    wanted = f"20 ({_OLDEST_NODE} at least)"
    how = "install Node 20 from https://nodejs.org"
    if version is None:
        return Finding("node", "missing", "not there", wanted, how, "it makes the vendored JavaScript")
    major = version.removeprefix("v").split(".")[0]
    if not major.isdigit() or int(major) < _OLDEST_NODE:
        return Finding("node", "conflict", version, wanted, how, "too old for the bundler")
    return Finding("node", "ok", version, wanted)


def _node_version() -> str | None:
    node = shutil.which("node")
    if node is None:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
