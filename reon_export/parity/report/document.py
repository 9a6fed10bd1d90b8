"""parity.html: one file, no script, nothing loaded from anywhere."""

from reon_export.parity.records import ParityRun
from reon_export.parity.report.markup import Html, block, element, verdict_sign
from reon_export.parity.report.rung_sections import build_environment, build_image_rung, build_photo_rung
from reon_export.parity.report.sections import (
    build_cell_table,
    build_flips,
    build_histograms,
    build_reasons,
    build_worst_crops,
)
from reon_export.parity.report.style import CSS
from reon_export.parity.report.words import (
    NONE,
    format_number,
    format_seconds,
    headline,
    largest_passed_difference,
    parts_with,
    summarise,
    verdict_word,
)

_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_html(run: ParityRun) -> str:
    """The whole page. What comes from outside (names, reasons, versions) is escaped."""
    sections = (
        build_reasons(run),
        build_cell_table(run),
        build_histograms(run),
        build_flips(run),
        build_worst_crops(run),
        build_image_rung(run),
        build_photo_rung(run),
        build_environment(run),
    )
    page = element(
        "html", {"lang": "en"}, _head(run), element("body", {}, _masthead(run), element("main", {}, *sections), _foot())
    )
    return f"<!doctype html>\n{page}\n"


def _head(run: ParityRun) -> Html:
    return element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _CSP}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("title", {}, f"{headline(run)} – {run.model}"),
        element("style", {}, Html(CSS)),
    )


def _masthead(run: ParityRun) -> Html:
    return block(
        f"masthead {run.verdict}",
        block("eyebrow", f"Parity report · {run.model}", name="p"),
        block("verdict", verdict_sign(run.verdict), element("h1", {}, f"Parity {verdict_word(run.verdict)}")),
        block("summary", summarise(run), name="p"),
        _key_figures(run),
        name="header",
    )


def _key_figures(run: ParityRun) -> Html:
    counts = [len(parts_with(run, verdict)) for verdict in ("passed", "failed", "not_run")]
    largest = largest_passed_difference(run)
    figures = (
        ("Face crops", f"{run.samples:,}"),
        ("Passed", str(counts[0])),
        ("Failed", str(counts[1])),
        ("Not run", str(counts[2])),
        ("Largest passing |Δp|", format_number(largest) if largest is not None else NONE),
        ("Took", format_seconds(run.seconds)),
    )
    pairs = [element("div", {}, element("dt", {}, name), element("dd", {}, value)) for name, value in figures]
    return block("key-figures", *pairs, name="dl")


def _foot() -> Html:
    return element(
        "footer",
        {},
        "Made by reon_export. The same figures are in parity.json (for tools) and parity.md (for a pull request). "
        "Where this page shows faces, share it as you would share those photographs.",
    )
