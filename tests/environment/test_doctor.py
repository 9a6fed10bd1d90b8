import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from reon_export.browsers.select import engine_install_command, install_command
from reon_export.environment import doctor
from reon_export.environment.doctor import (
    CONSTRAINTS,
    Finding,
    Machine,
    describe_findings,
    diagnose,
    direct_dependencies,
    find_constraints,
    has_problems,
    read_constraints,
)
from reon_export.environment.package_rules import RULES
from reon_export.errors import SetupError

PINS = find_constraints("3.11.9")  # of the machine that is made up below


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which everything is there."""
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    for file in (vendor / "tfjs.js", tmp_path / "net.safetensors", tmp_path / "manifest.json"):
        file.write_text("x", encoding="utf-8")
    return Machine(
        python="3.11.9",
        browser=Path("/usr/bin/chromium"),
        firefox=Path("/usr/bin/firefox-esr"),
        webkit=Path("/usr/lib/MiniBrowser"),
        node="v20.11.1",
        npm=Path("/usr/bin/npm"),
        vendor=vendor,
        checkpoint=tmp_path / "net.safetensors",
        manifest=tmp_path / "manifest.json",
    )


def findings_with(machine: Machine, **changes: str | None) -> dict[str, Finding]:
    """Findings of the pinned environment with some packages changed (None: not installed), by name."""
    installed = read_constraints(PINS)
    for name, version in changes.items():
        package = name.replace("_", "-")
        installed.pop(package, None)
        if version is not None:
            installed[package] = version
    return {finding.name: finding for finding in diagnose(installed, machine)}


def test_the_pinned_environment_has_nothing_to_complain_about(machine: Machine) -> None:
    findings = diagnose(read_constraints(PINS), machine)
    assert [finding for finding in findings if finding.status != "ok"] == []
    assert not has_problems(findings)
    assert len(findings) > 40


@pytest.mark.parametrize(
    ("package", "version", "group", "why"),
    [
        ("numpy", "2.2.0", "base", "tensorflow 2.19 does not work with numpy 2.2"),
        ("opencv_python_headless", "5.0.0.1", "base", "OpenCV 5 has no CascadeClassifier"),
        ("packaging", "25.0", "base", "tensorflowjs 4.22 wants packaging 23"),
        ("onnx2tf", "1.29.0", "onnx2tf", "tensorflowjs 4.22 cannot use"),
        ("onnx2tf", "2.1.0", "onnx2tf", "2.0 needs Python 3.12"),
        ("protobuf", "4.25.5", "onnx2tf", "ydf (through tensorflowjs) wants protobuf>=5.29.1"),
        ("protobuf", "6.31.0", "onnx2tf", "tensorflow 2.19 was generated for protobuf 5"),
        ("ydf", "0.13.0", "onnx2tf", "ydf 0.13 was generated for protobuf 6"),
        ("setuptools", "82.0.0", "onnx2tf", "setuptools 82 dropped pkg_resources"),
        ("tensorflow", "2.20.0", "onnx2tf", "wants exactly tensorflow 2.19"),
        ("tensorflowjs", "3.21.0", "onnx2tf", "tried with tensorflowjs 4.22 alone"),
        ("numpy", "not-a-version", "base", "tensorflow 2.19 does not work with numpy 2.2"),
    ],
)
def test_a_known_trap_is_a_conflict_that_says_why(
    package: str, version: str, group: str, why: str, machine: Machine
) -> None:
    name = package.replace("_", "-")
    finding = findings_with(machine, **{package: version})[f"{name} [{group}]"]
    assert finding.status == "conflict"
    assert finding.found == version
    assert why in finding.note
    assert finding.fix == doctor.pip_command(name)
    assert str(CONSTRAINTS) in finding.fix


def test_another_version_is_a_warning_and_one_out_of_range_a_conflict(machine: Machine) -> None:
    newer = findings_with(machine, rich="99.0")["rich [base]"]
    assert (newer.status, newer.found, newer.wanted) == ("warning", "99.0", read_constraints(PINS)["rich"])
    assert "not the version that this project was tried with" in newer.note
    older = findings_with(machine, rich="1.0")["rich [base]"]
    assert (older.status, older.wanted) == ("conflict", f"{read_constraints(PINS)['rich']} (>=13)")


def test_a_local_label_is_the_same_version(machine: Machine) -> None:
    assert findings_with(machine, torch="2.13.0+cpu")["torch [export]"].status == "ok"
    assert findings_with(machine, torch="2.12.0+cpu")["torch [export]"].status == "warning"


def test_a_missing_package_is_missing_unless_only_development_needs_it(machine: Machine) -> None:
    findings = findings_with(machine, onnxsim=None, tensorflowjs=None, playwright=None, pytest=None)
    assert findings["onnxsim [export]"].status == "missing"
    assert findings["onnxsim [export]"].fix.endswith(" onnxsim")
    assert findings["tensorflowjs [onnx2tf]"].status == "warning"  # half an extra, and not what the main job needs
    assert "tensorflowjs not installed: pip install" in findings["converters to TF.js"].note
    assert findings["playwright [browser]"].status == "missing"
    assert findings["pytest [dev]"].status == "warning"


def test_without_the_witness_its_rules_are_silent_and_one_line_says_so(machine: Machine) -> None:
    findings = findings_with(machine, onnx2tf=None, tensorflow=None, tensorflowjs=None, numpy="2.5.0", packaging="26.0")
    assert not any(name.endswith("[onnx2tf]") for name in findings)
    assert findings["numpy [base]"].status == findings["packaging [base]"].status == "warning"  # not the tried version
    line = findings["converters to TF.js"]
    assert (line.status, line.found) == ("ok", "direct")
    assert "onnx2tf, tensorflow, tensorflowjs not installed" in line.note
    newer = {finding.name: finding for finding in diagnose({}, dataclasses.replace(machine, python="3.13.0"))}
    assert newer["Python"].status == "ok"
    assert "need Python 3.11, this is 3.13.0" in newer["converters to TF.js"].note


def test_two_opencv_packages_clash(machine: Machine) -> None:
    finding = findings_with(machine, opencv_python="4.10.0.84")["OpenCV builds"]
    assert finding.status == "conflict"
    assert (
        finding.found
        == f"opencv-python 4.10.0.84, opencv-python-headless {read_constraints(PINS)['opencv-python-headless']}"
    )
    uninstall, install = finding.fix.split(" && ")
    assert uninstall.endswith("-m pip uninstall -y opencv-python")
    assert install.endswith("--force-reinstall --no-deps opencv-python-headless")


def test_the_alias_of_onnxsim_is_a_warning(machine: Machine) -> None:
    finding = findings_with(machine, onnx_simplifier="0.6.0")["onnx-simplifier"]
    assert (finding.status, finding.wanted) == ("warning", "onnxsim alone")
    assert "uninstall -y onnx-simplifier" in finding.fix


def test_torchvision_of_another_build_is_explained_and_no_problem(machine: Machine) -> None:
    finding = findings_with(machine, torch="2.13.0+cpu", torchvision="0.28.0")["torchvision"]
    assert finding.status == "ok"
    assert "operator torchvision::nms does not exist" in finding.note
    assert "torchvision" not in findings_with(machine, torch="2.13.0", torchvision="0.28.0")


@pytest.mark.parametrize(
    ("change", "name", "status", "found", "fix"),
    [
        ({"python": "3.10.1"}, "Python", "conflict", "3.10.1", "make distclean setup"),
        ({"browser": None}, "browser", "missing", "not there", install_command()),
        ({"firefox": None}, "firefox", "warning", "not there", engine_install_command("firefox")),
        ({"webkit": None}, "webkit", "warning", "not there", engine_install_command("webkit")),
        ({"node": None}, "node", "missing", "not there", "install Node 20"),
        ({"node": "v16.20.2"}, "node", "conflict", "v16.20.2", "install Node 20"),
        ({"node": "garbage"}, "node", "conflict", "garbage", "install Node 20"),
        ({"npm": None}, "npm", "missing", "not there", "install Node 20"),
        ({"vendor": Path("/nowhere")}, "vendored JavaScript", "missing", "not there", "make vendor"),
        (
            {"checkpoint": Path("/nowhere")},
            "default checkpoint",
            "missing",
            "not there",
            "git checkout -- /nowhere",
        ),
        ({"manifest": Path("/nowhere")}, "built model", "warning", "not there", "make build"),
    ],
)
def test_what_the_machine_lacks_is_named_with_its_remedy(
    change: dict[str, str | Path | None], name: str, status: str, found: str, fix: str, machine: Machine
) -> None:
    # replace() cannot know the type of a field that is named at run time
    poorer = Machine(**{**dataclasses.asdict(machine), **change})
    finding = {item.name: item for item in diagnose(read_constraints(PINS), poorer)}[name]
    assert (finding.status, finding.found) == (status, found)
    assert fix in finding.fix


def test_an_empty_vendor_folder_counts_as_missing(machine: Machine) -> None:
    (machine.vendor / "tfjs.js").unlink()
    finding = {item.name: item for item in diagnose(read_constraints(PINS), machine)}["vendored JavaScript"]
    assert finding.status == "missing"


def test_json_says_whether_all_is_well(machine: Machine) -> None:
    good = describe_findings(diagnose(read_constraints(PINS), machine))
    assert good["ok"] is True
    bad = describe_findings(diagnose({}, machine))
    assert bad["ok"] is False
    findings = bad["findings"]
    assert isinstance(findings, list)
    assert set(findings[0]) == {"name", "status", "found", "wanted", "fix", "note"}


def test_a_warning_is_no_problem_but_missing_and_conflict_are() -> None:
    def finding(status: doctor.Status) -> Finding:
        return Finding("x", status, "", "")

    assert not has_problems([finding("ok"), finding("warning")])
    assert has_problems([finding("ok"), finding("missing")])
    assert has_problems([finding("conflict")])


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot read the pinned versions .*gone\.txt: No such file"):
        read_constraints(tmp_path / "gone.txt")
    with pytest.raises(SetupError, match=r"cannot read .*pyproject\.toml: No such file.*checkout"):
        direct_dependencies(tmp_path / "pyproject.toml")


def test_every_direct_dependency_has_a_pin_that_it_allows() -> None:
    pins = read_constraints(PINS)
    for requirement in (item for group in direct_dependencies().values() for item in group):
        assert requirement.specifier.contains(pins[requirement.name]), requirement.name


def test_no_pin_breaks_a_rule_of_ours() -> None:
    pins = read_constraints(PINS)
    for name, rule in RULES.items():
        assert SpecifierSet(rule.specifier).contains(pins[name]), name


def test_constraints_hold_plain_versions_only() -> None:
    texts = [path.read_text(encoding="utf-8") for path in CONSTRAINTS.parent.glob("constraints*.txt")]
    for lines in (text.splitlines() for text in texts):
        check_pins(lines)


def check_pins(lines: list[str]) -> None:
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 80
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*", line)] == []
    assert len({line.split("==")[0] for line in pins}) == len(pins)


def test_it_reads_the_real_environment() -> None:
    installed = doctor.installed_versions()
    assert installed["pytest"] == pytest.__version__
    assert Version(installed["numpy"]) >= Version("2")
    here = doctor.survey_machine()
    assert here.python.split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def test_it_imports_nothing_that_it_may_find_broken() -> None:
    heavy = ["torch", "tensorflow", "tensorflowjs", "tensorflow_hub", "onnx", "onnx2tf", "onnxruntime", "playwright"]
    script = (
        "import sys, reon_export.environment.doctor as doctor; doctor.diagnose(); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
