"""The sections of parity.html about rungs 2 and 3 (same image, same photograph), and about the environment."""

from reon_export.parity.records import ImageRung, ParityRun, PhotoRung, PhotoShift, PixelCase
from reon_export.parity.report.charts import share_bar
from reon_export.parity.report.markup import Html, block, element, join, section, table, verdict_badge
from reon_export.parity.report.words import (
    NONE,
    Part,
    format_number,
    format_seconds,
    format_share,
    format_signed,
    part_verdict,
)

_CASES_AT_MOST = 16
_NOTHING = Html("")


def build_image_rung(run: ParityRun) -> Html:
    """Rung 2: how far the browser's decoding, cropping and resizing is from Python's."""
    if not run.images:
        return _NOTHING
    return section(
        "Same image, same pixels?",
        "The browser read, cropped and resized each image by itself. Pixels are in steps of 0 to 255; "
        "lossless files should agree to the last step, JPEG decoders may differ by a few.",
        *(_image_rung(run, rung) for rung in run.images),
    )


def _image_rung(run: ParityRun, rung: ImageRung) -> Html:
    effects = [
        f"max |Δp| {name} {format_number(value)}"
        for name, value in (("lossless", rung.max_abs_prob_lossless), ("JPEG", rung.max_abs_prob_jpeg))
    ]
    cases = sorted(rung.cases, key=lambda case: (not case.problem, -case.max_abs))
    children = [_rung_heading(run, rung, " · ".join(effects) if rung.cases else "")]
    if cases:
        heads = ("Image", "Kind", "Largest", "Mean")
        children.append(table(f"Pixels in {rung.engine}", heads, [_case_row(c) for c in cases[:_CASES_AT_MOST]], 2))
    if len(cases) > _CASES_AT_MOST:
        children.append(block("quiet", f"{len(cases) - _CASES_AT_MOST} more are in parity.json.", name="p"))
    return block("rung", *children)


def _case_row(case: PixelCase) -> tuple[str, ...]:
    kind = "JPEG" if case.kind == "jpeg" else case.kind
    if case.problem:
        return join(case.name, block("over-words", case.problem)), kind, NONE, NONE
    return case.name, kind, f"{case.max_abs}", format_number(case.mean_abs)


def _rung_heading(run: ParityRun, rung: Part, effect: str) -> Html:
    badge = verdict_badge(rung.verdict, part_verdict(run, rung))
    reasons = [element("p", {}, "; ".join(rung.reasons))] if rung.reasons else []
    quiet = [block("quiet", effect, name="p")] if effect else []
    return join(block("rung-head", element("h3", {}, rung.engine or "Python"), badge), *quiet, *reasons)


def build_photo_rung(run: ParityRun) -> Html:
    """Rung 3: what another face detector does to the answer, without and with the correction of its box."""
    if not run.photos:
        return _NOTHING
    return section(
        "Same photograph, same face?",
        "Python finds faces with Haar, the page with TinyFaceDetector. They frame a face differently; the correction "
        "moves the page's box towards Python's before the crop.",
        *(_photo_rung(run, rung) for rung in run.photos),
    )


def _photo_rung(run: ParityRun, rung: PhotoRung) -> Html:
    children = [_rung_heading(run, rung, f"{rung.photos:,} photographs" if rung.photos else "")]
    if rung.photos:
        both = rung.photos - rung.haar_only - rung.browser_only - rung.neither
        children.append(
            share_bar(
                (
                    ("Both found a face", both),
                    ("Only Python", rung.haar_only),
                    ("Only the page", rung.browser_only),
                    ("Neither", rung.neither),
                )
            )
        )
    shifts = [(name, s) for name, s in (("As detected", rung.plain), ("With correction", rung.corrected)) if s]
    if shifts:
        heads = ("Box", "IoU", "Offset x", "Offset y", "ln scale", "mean |Δp|", "max |Δp|", "top-1")
        rows = [(name, *_shift_row(shift)) for name, shift in shifts]
        children.append(table(f"The page's boxes against Python's in {rung.engine}", heads, rows))
    return block("rung", *children)


def _shift_row(shift: PhotoShift) -> tuple[str, ...]:
    return (
        format_number(shift.mean_iou),
        format_signed(shift.mean_offset_x),
        format_signed(shift.mean_offset_y),
        format_signed(shift.mean_log_scale),
        format_number(shift.mean_abs_prob),
        format_number(shift.max_abs_prob),
        format_share(shift.top1_agreement),
    )


def build_environment(run: ParityRun) -> Html:
    """What was compared, with what, when: enough to do it again."""
    facts = [
        ("Model", run.model),
        ("Checkpoint SHA-256", run.source_sha256),
        ("Labels", ", ".join(run.labels)),
        ("Network input", f"{run.input_size} × {run.input_size} px, RGB"),
        ("Started", run.started_at),
        ("Took", format_seconds(run.seconds)),
        ("Allowed to be missing", ", ".join(run.allow_missing) or "nothing"),
        *sorted(run.tools.items()),
    ]
    pairs = [element("div", {}, element("dt", {}, name), element("dd", {}, value)) for name, value in facts]
    return section("Environment", "", block("facts", *pairs, name="dl"))
