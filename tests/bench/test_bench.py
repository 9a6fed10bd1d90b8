"""A short bench on the real page: everything that is there runs, agrees with PyTorch, and is written down."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from reon_export.bench.job import CHAIN, BenchOptions, run_bench
from reon_export.bench.records import BenchRun, Memory, Row, Step, Visit
from reon_export.bench.report import baseline, ratio, read_bench, to_markdown, to_svg, write_bench
from reon_export.cli.app import main
from reon_export.errors import FolderError
from tests.support import damage

ROWS = (
    Row("classifier 112", "kernels:simd", "simd", "passed", "", 1e-6, 5.0, 6.0),
    Row("classifier 112", "tfjs:wasm", "4.22.0", "passed", "", 2e-6, 10.0, 11.0),
    Row("classifier 112", CHAIN, "4.22.0", "passed", "", 2e-6, 20.0, 21.0),
    Row("classifier 112", "litert:wasm", reason="its package is not installed; run 'make bench-peers'"),
    Row("detector", "kernels:simd", "simd", median_ms=2.0, p90_ms=3.0),
    Row("detector", "tfjs:wasm", "4.22.0", median_ms=8.0, p90_ms=9.0),
)
RUN = BenchRun(
    "2 cores <b>", "chromium 150", 3, "2026-01-01T00:00:00+00:00", ROWS,
    (Visit("kernels", 30, 50_000, 190_000, 300.0, 400.0),), (Memory("kernels", 10, 1_000_000, 1_200_000),),
    (
        Step("classifier 112", "kernels:simd", "stem", "convolve", 4_000_000, 1.0),
        Step("classifier 112", "kernels:simd", "head", "convolve", 2_000_000, 1.0),
    ),
)  # fmt: skip


def test_ratios_are_to_the_old_chains_graph_where_it_was_measured() -> None:
    assert [ratio(RUN, row) for row in ROWS] == [0.25, 0.5, 1.0, None, 0.25, 1.0]
    base = baseline(RUN, "detector")
    assert base is not None
    assert base.runtime == "tfjs:wasm"
    assert baseline(RUN, "frame") is None


def test_a_bench_is_written_and_read_again(tmp_path: Path) -> None:
    write_bench(RUN, tmp_path / "bench")
    assert read_bench(tmp_path / "bench" / "bench.json") == RUN
    write_bench(RUN, tmp_path / "bench")  # over its own
    text = (tmp_path / "bench" / "bench.md").read_text(encoding="utf-8")
    assert "| classifier 112 | kernels:simd | 5.00 ms | 6.00 ms | 0.25 | 1.0e-06 |" in text
    assert "| kernels | 30 | 50 kB | 190 kB of the detector | 300 ms | 400 ms |" in text
    assert "10 frames on kernels: 1.0 MB before, 1.2 MB after." in text
    assert "Not measured: classifier 112 on litert:wasm: its package is not installed; run 'make bench-peers'." in text
    assert "ratios are to tfjs:wasm or tfjs:wasm, onnx2tf's graph." in text
    assert "classifier 112 on kernels:simd: 2.00 ms, step by step" in text
    assert "| all | convolve | 2.000 ms | 100.0% | 3.0 |\n| stem | convolve | 1.000 ms | 50.0% | 4.0 |" in text
    assert to_svg(RUN).count("<rect") == 1 + 5
    assert "&#x27;" in to_svg(RUN)  # escaped


def test_what_is_not_ours_is_left_alone_and_a_typing_error_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench.json").write_text('{"mine": 1}')
    with pytest.raises(FolderError, match=r"bench\.json"):
        write_bench(RUN, tmp_path)
    with pytest.raises(ValueError, match=r"is no bench\.json of this version"):
        read_bench(tmp_path / "bench.json")
    monkeypatch.setattr(sys, "argv", ["reon_export", "bench", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    monkeypatch.setattr(sys, "argv", ["reon_export", "bench", "--runtimes", "tfjs:tpu"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "--runtimes got tfjs:tpu, expected one or more of kernels:relaxed," in capsys.readouterr().err
    assert json.loads((tmp_path / "bench.json").read_text()) == {"mine": 1}


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_is_measured_and_a_wrong_model_is_left_out(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reon_export.bench.visit.VISITS", 1)
    wrong = Path(shutil.copytree(model_dir, tmp_path / "wrong"))
    damage.edit_tfjs_layer(wrong, 40, scale)
    wanted = ("kernels:relaxed", "kernels:simd", "tfjs:wasm")  # software takes minutes for a graphics processor's work
    run = run_bench(BenchOptions(model_dirs=(model_dir, wrong), runtimes=wanted, rounds=2, frames=4))
    assert {row.runtime for row in run.rows} == set(wanted)
    rows = {(row.task, row.runtime): row for row in run.rows if row.verdict != "failed"}
    for task in ("classifier 112", "detector", "frame"):
        for runtime in wanted:
            row = rows[task, runtime]
            assert row.median_ms is not None, row
            assert 0 < row.median_ms < 10_000
    assert rows["classifier 112", "kernels:relaxed"].verdict == "passed"
    for runtime in ("kernels:relaxed", "kernels:simd"):
        operations = {step.name: step.operations for step in run.steps if step.runtime == runtime}
        assert operations["head.conv"] > 0, operations
        assert sum(operations.values()) == pytest.approx(0.2e9, rel=0.1)  # 0.39e9 products at 224, a quarter here
    failed = [row for row in run.rows if row.verdict == "failed"]
    assert [row.runtime for row in failed] == list(wanted)
    assert all(row.median_ms is None and "max |Δp|" in row.reason for row in failed)
    kernels, tfjs = run.visits
    assert (kernels.runtime, tfjs.runtime) == ("kernels", "tfjs:wasm")
    assert 0 < kernels.code_bytes < tfjs.code_bytes
    assert 10 < kernels.requests < tfjs.requests < 40
    assert 0 < kernels.ready_ms < kernels.reading_ms
    (memory,) = run.memory
    assert memory.frames == 4
    assert "kernels:relaxed" in to_markdown(run)
    shutil.rmtree(wrong)


@pytest.mark.browser
def test_nothing_is_opened_for_what_is_not_asked_for(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_: object) -> None:
        raise AssertionError(f"{url} opened")

    for module in ("job", "visit"):
        monkeypatch.setattr(f"reon_export.bench.{module}.open_page", refuse)
    run = run_bench(BenchOptions(model_dirs=(model_dir,), runtimes=("onnx:native",), rounds=2))
    assert [row.runtime for row in run.rows] == ["onnx:native"]
    assert (run.visits, run.memory, run.steps) == ((), (), ())
    table = to_markdown(run)
    assert "first visit" not in table
    assert "Medians of 2 interleaved rounds on " in table


def scale(weights: damage.Weights) -> None:
    weights *= 1.3
