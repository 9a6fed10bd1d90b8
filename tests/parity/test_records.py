"""What counts against a parity run."""

from dataclasses import replace

import pytest

from reon_export.browsers.version import BrowserVersion
from reon_export.manifest import Verdict
from reon_export.parity.records import Cell, ImageRung, ParityRun, PhotoRung
from reon_export.runtimes.runtime_id import RuntimeId

WEBKIT = BrowserVersion("webkit")


def make_run(*verdicts: Verdict, allow_missing: tuple[str, ...] = ()) -> ParityRun:
    """A run with one TF.js cell a verdict."""
    cells = tuple(
        Cell(RuntimeId("tfjs", "webgpu"), "float32", BrowserVersion("firefox", "153.0"), verdict)
        for verdict in verdicts
    )
    return ParityRun(
        model="m",
        source_sha256="0" * 64,
        labels=("a", "b"),
        input_size=112,
        samples=1,
        cells=cells,
        images=(),
        photos=(),
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        tools={},
        allow_missing=allow_missing,
    )


def test_everything_passed_is_passed() -> None:
    assert make_run("passed", "passed").verdict == "passed"


def test_one_failure_is_a_failure() -> None:
    assert make_run("passed", "failed").verdict == "failed"
    assert make_run("failed").verdict == "failed"


def test_nothing_at_all_is_not_run_and_never_passed() -> None:
    assert make_run().verdict == "not_run"
    assert make_run("not_run").verdict == "not_run"
    assert make_run("not_run", allow_missing=("firefox",)).verdict == "not_run"


@pytest.mark.parametrize("allowed", ["firefox", "tfjs:webgpu", "firefox/tfjs:webgpu"])
def test_not_run_fails_unless_it_is_allowed_by_name(allowed: str) -> None:
    assert make_run("passed", "not_run").verdict == "failed"
    assert make_run("passed", "not_run", allow_missing=(allowed,)).verdict == "passed"
    assert make_run("passed", "failed", allow_missing=(allowed,)).verdict == "failed"


@pytest.mark.parametrize("other", ["chromium", "tfjs:webgl", "webkit/tfjs:webgpu", ""])
def test_another_name_allows_nothing(other: str) -> None:
    assert make_run("passed", "not_run", allow_missing=(other,)).verdict == "failed"


def test_the_other_rungs_count_too() -> None:
    run = make_run("passed")
    assert replace(run, images=(ImageRung(WEBKIT, "failed", ("pixels",)),)).verdict == "failed"
    assert replace(run, photos=(PhotoRung(WEBKIT, "not_run", ("absent",)),)).verdict == "failed"
    assert replace(run, photos=(PhotoRung(WEBKIT, "not_run", ()),), allow_missing=("webkit",)).verdict == "passed"
