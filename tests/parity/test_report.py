"""The report: what it says, that it never says more than was measured, and that nothing from outside gets through."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from reon_export.browsers.version import BrowserVersion
from reon_export.cli.parity_table import render_summary
from reon_export.errors import FolderError, ParityError
from reon_export.parity.compare import Measurement, measure
from reon_export.parity.gates import Gate, gate_for, judge
from reon_export.parity.records import Cell, ImageRung, ParityRun, PhotoRung, PhotoShift, PixelCase, WorstSample
from reon_export.parity.report import make_report, read_report, write_report
from reon_export.parity.report.charts import gate_bar, histogram, log_position
from reon_export.parity.report.words import format_distance, format_number, format_share, headline, summarise
from reon_export.runtimes.predictions import Array, Predictions
from reon_export.runtimes.runtime_id import ONNX, TFJS_WASM, RuntimeId

LABELS = ("anger", "joy", "neutral")
CHROMIUM, FIREFOX = BrowserVersion("chromium", "156.0.8078.79"), BrowserVersion("firefox", "151.0")
WEBGL, WEBGPU, CPU = (RuntimeId("tfjs", backend) for backend in ("webgl", "webgpu", "cpu"))
EVIL = '<script>alert("1")</script>|`@somebody`'
NAN = float("nan")
VOID_ELEMENTS = {"meta", "img", "rect", "line", "path", "circle"}


def softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def predict(noise: float, seed: int = 0) -> Predictions:
    logits = np.random.default_rng(1).normal(0, 1, (40, 3)).astype(np.float32)
    noisy: Array = (logits + np.random.default_rng(seed).normal(0, noise, logits.shape)).astype(np.float32)
    return Predictions(noisy, softmax(noisy), LABELS)


def measured_cell(
    runtime: RuntimeId, noise: float, gate: Gate, browser: BrowserVersion | None = CHROMIUM, name: str = "face.png"
) -> Cell:
    expected, actual = predict(0), predict(noise)
    measurement = measure(expected, actual)
    verdict, reasons = judge(measurement, gate)
    index = measurement.worst_sample
    worst = WorstSample(
        name,
        tuple(expected.probabilities[index].tolist()),
        tuple(actual.probabilities[index].tolist()),
        # Noise: the worst that a PNG can meet.
        np.random.default_rng(index).integers(0, 256, (224, 224, 3), np.uint8),
    )
    return Cell(runtime, "float32", browser, verdict, reasons, gate, measurement, worst, 0.0123, {"threads": "4"})


def make_run(*cells: Cell, images: tuple[ImageRung, ...] = (), photos: tuple[PhotoRung, ...] = ()) -> ParityRun:
    return ParityRun(
        model="demo",
        source_sha256="ab" * 32,
        labels=LABELS,
        input_size=112,
        samples=40,
        cells=cells,
        images=images,
        photos=photos,
        started_at="2026-01-02T03:04:05+00:00",
        seconds=75.2,
        tools={"torch": "2.13.0", "@tensorflow/tfjs": "4.22.0"},
    )


PASSED = measured_cell(ONNX, 1e-7, gate_for("float32"), browser=None)
EQUAL = measured_cell(CPU, 0, gate_for("float32"))
FAILED = measured_cell(TFJS_WASM, 1.0, gate_for("float32"), name=EVIL)
BROKEN = Cell(
    WEBGL,
    "float16",
    CHROMIUM,
    "failed",
    ("logits hold 7 values that are not finite",),
    gate_for("float16"),
    Measurement(40, ("logits hold 7 values that are not finite",)),
)
NOT_RUN = Cell(WEBGPU, "float32", FIREFOX, "not_run", (f"no WebGPU {EVIL}",))
IMAGES = (
    ImageRung(
        CHROMIUM,
        "failed",
        ("broken.jpg could not be compared",),
        (
            PixelCase("plain.png", "lossless", 0, 0.0),
            PixelCase("photo.jpg", "jpeg", 3, 0.25),
            PixelCase("broken.jpg", "jpeg", problem="the page says 404"),
        ),
        0.0,
        0.004,
    ),
)
SHIFT = PhotoShift(7, 0.71, 0.004, -0.118, NAN, 0.083, 0.61, 6 / 7)
PHOTOS = (PhotoRung(CHROMIUM, "passed", (), 10, 2, 1, 0, SHIFT, replace(SHIFT, mean_iou=0.86)),)


@pytest.fixture
def full_run() -> ParityRun:
    return make_run(PASSED, EQUAL, FAILED, BROKEN, NOT_RUN, images=IMAGES, photos=PHOTOS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[ParityRun], dict[str, str]]:
    """Writes the report of a run and gives the texts of its files by their suffix."""

    def write(run: ParityRun) -> dict[str, str]:
        page = write_report(run, tmp_path / "new" / "report")
        return {suffix: page.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".json", ".md", ".html")}

    return write


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects what a reader sees and what a browser would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID_ELEMENTS
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    def attributes_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def rows_of(markdown: str) -> list[list[str]]:
    return [
        [field.strip() for field in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]


def test_the_folder_is_made_and_only_the_three_files_are_touched(full_run: ParityRun, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "report"
    assert write_report(full_run, folder) == folder / "parity.html"
    (folder / "mine.txt").write_text("keep")
    (folder / "parity.md").write_text("old")
    write_report(full_run, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["mine.txt", "parity.html", "parity.json", "parity.md"]
    assert (folder / "mine.txt").read_text() == "keep"
    assert "Parity failed" in (folder / "parity.md").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_one_line(full_run: ParityRun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=r"^--report .* cannot be written: .*/file is not a folder"):
        write_report(full_run, tmp_path / "file" / "report")


def test_json_is_read_back_as_it_was_made(full_run: ParityRun, tmp_path: Path) -> None:
    page = write_report(full_run, tmp_path)
    report = read_report(page.with_suffix(".json"))
    assert make_report(report) == make_report(full_run)
    assert [cell.verdict for cell in report.cells] == ["passed", "passed", "failed", "failed", "not_run"]
    measurement = report.cells[2].measurement
    assert measurement is not None
    assert FAILED.measurement is not None
    assert measurement.max_abs_prob_by_sample == FAILED.measurement.max_abs_prob_by_sample
    assert len(measurement.flips) == len(FAILED.measurement.flips) > 0
    assert report.images[0].cases[2].problem == "the page says 404"
    assert report.photos[0].corrected is not None
    assert report.photos[0].corrected.mean_iou == 0.86


def test_json_has_finite_numbers_no_pixels_and_the_same_keys_each_time(
    full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]
) -> None:
    text = write(full_run)[".json"]
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert list(content)[:3] == ["schema", "verdict", "model"]
    assert content["schema"] == 1
    assert content["cells"][3]["measurement"]["max_abs_prob"] is None
    assert content["photos"][0]["plain"]["mean_log_scale"] is None
    assert content["cells"][0]["gate"]["max_abs_logit"] == 1e-4
    assert content["cells"][3]["gate"]["max_abs_logit"] is None
    assert "crop_rgb" not in text
    reordered = replace(full_run, tools=dict(reversed(full_run.tools.items())))
    assert write(reordered)[".json"] == text


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": 2}, "schema: Input should be 1"),
        ({"verdict": "good"}, "verdict: Input should be"),
        ({"verdict": "passed"}, "passed as a whole, but its parts are failed"),
        ({"surprise": 1}, "surprise: Unexpected keyword argument"),
        ({"seconds": None}, "seconds: Input should be a valid number"),
    ],
)
def test_json_of_another_kind_is_refused_in_one_line(
    full_run: ParityRun, tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = write_report(full_run, tmp_path).with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ParityError, match=complaint) as caught:
        read_report(path)
    assert "\n" not in str(caught.value)
    assert "python -m reon_export parity" in str(caught.value)


def test_a_missing_report_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=r"cannot read .*parity\.json"):
        read_report(tmp_path / "parity.json")


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (replace(PASSED, measurement=None), "onnx float32 passed without a measurement and a gate"),
        (replace(PASSED, gate=None), "onnx float32 passed without a measurement and a gate"),
        (replace(BROKEN, verdict="passed"), "tfjs:webgl float16 passed without a measurement"),
        (replace(PASSED, verdict="not_run"), "was not run and has a measurement"),
    ],
)
def test_a_verdict_without_grounds_is_not_reported(cell: Cell, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=complaint):
        write_report(make_run(cell), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_markdown_begins_with_the_verdict_and_has_a_row_for_each_part(
    full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]
) -> None:
    text = write(full_run)[".md"]
    assert text.splitlines()[0] == "❌ **Parity failed: 3 of 7 checks passed, 3 failed, 1 not run**"
    rows = {(row[0], row[1], row[2]): row for row in rows_of(text)}
    assert rows["tensor", "onnx", "Python"][-1] == "✅ passed"
    assert rows["tensor", "tfjs:cpu", str(CHROMIUM)][4:10] == ["0", "10⁻⁵", "0", "100 %", "0", "12.3"]
    assert rows["tensor", "tfjs:webgl", str(CHROMIUM)][4:] == ["–", "0.01", "–", "–", "–", "–", "❌ failed"]
    assert rows["tensor", "tfjs:webgpu", str(FIREFOX)][4:] == ["–"] * 6 + ["⚠️ not run"]
    assert rows["image", str(CHROMIUM), "0 / 0"][3:] == ["3 / 0.25 (1 not compared)", "0", "0.004", "❌ failed"]
    assert rows["photo", str(CHROMIUM), "7 / 3 / 0 of 10"][3:6] == ["corrected", "0.86", "+0.004, −0.118"]
    assert "- the same image in chromium 156: broken.jpg could not be compared" in text
    assert "**Not run**\n\n- tfjs:webgpu float32 in firefox 151: no WebGPU" in text
    assert "source SHA-256 abababababab" in text


def test_markdown_escapes_what_comes_from_outside(
    full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]
) -> None:
    text = write(replace(full_run, model=EVIL, tools={"a`b": "1"}))[".md"]
    assert "<script>" not in text
    assert r"&lt;/script&gt;\|\`@" + "\u200bsomebody" in text
    assert "@somebody" not in text
    assert text.splitlines()[-1].count("`") == 2


def test_the_page_is_whole_loads_nothing_and_runs_nothing(
    full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]
) -> None:
    text = write(replace(full_run, model=EVIL, labels=(EVIL, "joy", "neutral"), tools={EVIL: EVIL}))[".html"]
    page = Page(text)
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.elements}
    assert "<script" not in text
    assert EVIL in page.text
    policy = next(a["content"] for a in page.attributes_of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    for tag, attributes in page.elements:
        assert not {key for key in attributes if key.startswith("on") or key in {"href", "action", "srcset"}}, tag
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    assert not re.search(r"https?:|url\(|@import|//", text.replace("<!--", "")[: text.index("<body")])
    assert not re.search(r"https?:", text)


def test_the_page_is_accessible(full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]) -> None:
    page = Page(write(full_run)[".html"])
    assert page.attributes_of("html")[0]["lang"] == "en"
    pictures = page.attributes_of("img")
    assert len(pictures) == 3
    assert all(picture["alt"] for picture in pictures)
    drawings = page.attributes_of("svg")
    assert all(svg.get("aria-hidden") == "true" or svg.get("aria-label") for svg in drawings)
    assert all(head.get("scope") for head in page.attributes_of("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {section["aria-labelledby"] for section in page.attributes_of("section")} == set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_says_figures_beside_gates_flips_and_worst_crops(
    full_run: ParityRun, write: Callable[[ParityRun], dict[str, str]]
) -> None:
    text = Page(write(full_run)[".html"]).text
    assert FAILED.measurement is not None
    flip = max(FAILED.measurement.flips, key=lambda flip: flip.margin)
    assert f"{flip.sample} {flip.expected} {flip.actual} {100 * flip.margin:.2f} points" in text
    assert f"{format_number(FAILED.measurement.max_abs_prob)} gate ≤ 10⁻⁵" in text
    assert "times over the gate" in text
    assert "exactly equal" in text
    assert "the page says 404" in text
    assert "Both found a face: 7 (70 %)" in text
    assert "ab" * 32 in text
    assert FAILED.worst is not None
    assert f"{100 * FAILED.worst.actual[0]:.2f} %" in text


def test_ten_cells_of_noisy_pictures_stay_under_300_kb(write: Callable[[ParityRun], dict[str, str]]) -> None:
    cells = [measured_cell(TFJS_WASM, 0.1 * index, gate_for("uint8")) for index in range(10)]
    page = write(make_run(*cells, images=IMAGES, photos=PHOTOS))[".html"]
    assert len(page.encode()) < 300_000
    assert len(Page(page).attributes_of("img")) == 6


ALLOWED = replace(make_run(PASSED, NOT_RUN), allow_missing=("firefox",))


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (make_run(), "Parity not run: there were no checks"),
        (make_run(NOT_RUN), "Parity not run: none of 1 check ran"),
        (replace(make_run(NOT_RUN), allow_missing=("firefox",)), "Parity not run: none of 1 check ran"),
        (make_run(PASSED), "Parity passed: the only check"),
        (make_run(PASSED, EQUAL), "Parity passed: all 2 checks"),
        (make_run(PASSED, NOT_RUN), "Parity failed: 1 of 2 checks passed, 1 not run"),
        (ALLOWED, "Parity passed: 1 of 2 checks passed, 1 not run (allowed)"),
        (make_run(FAILED), "Parity failed: 0 of 1 check passed, 1 failed"),
    ],
)
def test_the_verdict_in_words(run: ParityRun, line: str, write: Callable[[ParityRun], dict[str, str]]) -> None:
    assert headline(run) == line
    files = write(run)
    assert line in files[".md"].splitlines()[0]
    page = Page(files[".html"])
    assert page.open == []
    words = line.partition(":")[0]
    assert f"Parity report · demo {words} " in page.text
    header = page.attributes_of("header")[0]
    assert header["class"] == f"masthead {words.removeprefix('Parity ').replace(' ', '_')}"
    assert json.loads(files[".json"])["verdict"] == words.removeprefix("Parity ").replace(" ", "_")


def test_not_run_is_never_shown_as_passed(write: Callable[[ParityRun], dict[str, str]]) -> None:
    for run in (make_run(NOT_RUN), replace(make_run(NOT_RUN), allow_missing=("firefox",))):
        files = write(run)
        assert "✅" not in files[".md"]
        page = Page(files[".html"])
        classes = " ".join(str(attributes.get("class") or "") for _, attributes in page.elements)
        assert "badge passed" not in classes
        assert "sign passed" not in classes
        assert "badge not_run" in classes
        assert "like the original: over" not in page.text
        assert "nothing is known" in page.text
    rows = rows_of(write(ALLOWED)[".md"])
    assert [row[-1] for row in rows[2:]] == ["✅ passed", "⚠️ not run (allowed)"]


def test_the_summary_is_for_everybody() -> None:
    assert summarise(make_run(NOT_RUN)) == (
        "Nothing could be compared, so nothing is known about whether the exported model answers like the original."
    )
    assert summarise(make_run(EQUAL)) == (
        "The exported model answers like the original: over 40 face crops, no probability moved at all, "
        "and the first label was the same every time."
    )
    assert summarise(make_run(FAILED, EQUAL)).startswith(
        "One check failed: tfjs:wasm float32 in chromium 156. What failed should not be used. "
        "In the variant that passed, the exported model answers like the original"
    )
    assert summarise(ALLOWED).endswith("One check was not run, which was allowed: nothing is known there.")
    flipped = measured_cell(TFJS_WASM, 1.0, Gate(max_abs_prob=1, min_top1=0))
    assert flipped.measurement is not None
    assert f"the first label changed on at most {len(flipped.measurement.flips)} crops" in summarise(make_run(flipped))


def test_the_summary_never_promises_less_than_was_measured() -> None:
    for noise in (1e-7, 1e-5, 1e-3, 0.02, 0.3, 1.0):
        cell = measured_cell(ONNX, noise, Gate(max_abs_prob=1, min_top1=0))
        match = re.search(r"by more than ([\d.e-]+) percentage points", summarise(make_run(cell)))
        assert match is not None
        assert cell.measurement is not None
        assert 100 * cell.measurement.max_abs_prob <= float(match[1])


def test_the_terminal_table_shows_every_part_and_no_markup_from_outside(full_run: ParityRun) -> None:
    console = Console(width=80, record=True, color_system=None)  # a terminal's width: nothing may be cut
    console.print(render_summary(replace(full_run, cells=(*full_run.cells, replace(NOT_RUN, precision="[red]x[/]")))))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert len(lines) == 1 + len(full_run.parts) + 1
    assert lines[1].startswith("onnx float32 Python")
    assert lines[1].endswith("12.3 passed")
    assert lines[5] == "tfjs:webgpu float32 firefox – – – – not run"
    assert "[red]x[/]" in lines[6]
    assert lines[7] == "same image chromium 0 – – – failed"
    assert lines[8] == "same photograph chromium 0.61 – 85.7 % – passed"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1e-5, "10⁻⁵"), (1.424e-6, "1.42×10⁻⁶"), (0.0021, "0.0021"), (2.5, "2.5"), (NAN, "–"), (None, "–")],
)
def test_numbers_in_words(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "100 %"), (1999 / 2000, "99.9 %"), (1 - 1e-13, "99.9 %"), (0.29, "29 %"), (0, "0 %"), (NAN, "–")],
)
def test_only_what_is_whole_reads_100_per_cent(value: float, text: str) -> None:
    assert format_share(value) == text


@pytest.mark.parametrize(
    ("value", "gate", "text"),
    [
        (0.0, 1e-5, "exactly equal"),
        (1e-5, 1e-5, "exactly at the gate"),
        (1.001e-5, 1e-5, "1.001 times over the gate"),
        (1e-6, 1e-5, "10 times under the gate"),
        (0.55, 0.05, "11 times over the gate"),
        (1e-12, 1e-2, "10,000,000,000 times under the gate"),
        (NAN, 1e-5, ""),
        (1e-5, None, ""),
    ],
)
def test_the_distance_to_the_gate_in_words(value: float, gate: float | None, text: str) -> None:
    assert format_distance(value, gate) == text


def test_the_log_axis_ends_at_one_and_holds_zero() -> None:
    assert [log_position(value) for value in (0, 1e-12, 1e-9, 1.0, 3.0)] == [0, 0, 0, 1, 1]
    assert log_position(1e-3) == pytest.approx(6 / 9)


def test_the_gate_bar_changes_colour_where_the_verdict_does() -> None:
    kinds = [{shape.kind for shape in gate_bar(value, 1e-5).rects} for value in (1e-5, 1.0001e-5)]
    assert "under" in kinds[0]
    assert "over" not in kinds[0]
    assert "over" in kinds[1]


def test_the_histogram_counts_zeros_apart_and_colours_what_is_over() -> None:
    drawing = histogram((0.0, 0.0, 2e-6, 0.04, 0.06, 1.0), gate=0.05)
    assert drawing.label == (
        "Histogram of the largest difference of a probability on each of 6 crops, 2 exactly equal, median 0.02, "
        "largest 1, 2 over the gate of 0.05"
    )
    bars = drawing.rects
    # 0.04 and 0.06 share a half decade: one column of two colours.
    assert [bar.kind for bar in bars] == ["under", "under", "under", "over", "over"]
    assert bars[0].x < 30 < bars[1].x
    assert bars[0].height == 2 * bars[1].height
    assert bars[2].x == bars[3].x
    assert "0 over the gate" in histogram((0.0,), 0.05).label
