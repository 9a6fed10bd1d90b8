"""parity.md: compact, to be pasted into a pull request."""

from collections.abc import Iterable, Sequence

from reon_export.parity.records import ImageRung, ParityRun, PhotoRung, PhotoShift
from reon_export.parity.report.words import (
    METRICS,
    NONE,
    Part,
    cell_figures,
    format_number,
    format_seconds,
    format_share,
    format_signed,
    headline,
    part_name,
    part_verdict,
    summarise,
)
from reon_export.printable import escape_markdown

_SIGNS = {"passed": "✅", "failed": "❌", "not_run": "⚠️"}
_KINDS = ("lossless", "jpeg")


def render_markdown(run: ParityRun) -> str:
    """The whole file, GitHub flavour. What comes from outside is escaped."""
    blocks = [
        f"{_SIGNS[run.verdict]} **{headline(run)}**",
        f"Model {escape_markdown(run.model)}. {escape_markdown(summarise(run))}",
        _cell_table(run),
        _image_table(run),
        _photo_table(run),
        _reason_list("Failed", run, "failed"),
        _reason_list("Not run", run, "not_run"),
        _environment(run),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _cell_table(run: ParityRun) -> str:
    if not run.cells:
        return ""
    heads = ("rung", "runtime", "engine", "precision", "max |Δp|", "gate", "max |Δlogit|", "top-1", "mean KL", "ms")
    rows = []
    for cell in run.cells:
        figures = cell_figures(cell)
        rows.append(
            (
                "tensor",
                str(cell.runtime),
                str(cell.browser or "Python"),
                cell.precision,
                figures.max_abs_prob,
                figures.gate_abs_prob,
                figures.max_abs_logit,
                figures.top1,
                figures.mean_kl,
                figures.ms_per_crop,
                _verdict(run, cell),
            )
        )
    meanings = "; ".join(f"{escape_markdown(name)}: {METRICS[name]}" for name in ("max |Δp|", "gate"))
    return f"{_table((*heads, 'verdict'), rows, left=4)}\n\n<sub>{meanings}; ms: per crop</sub>"


def _image_table(run: ParityRun) -> str:
    rows = [
        (
            "image",
            str(rung.browser),
            *(_pixels(rung, kind) for kind in _KINDS),
            format_number(rung.max_abs_prob_lossless),
            format_number(rung.max_abs_prob_jpeg),
            _verdict(run, rung),
        )
        for rung in run.images
    ]
    heads = ("rung", "engine", "lossless pixels", "JPEG pixels", "max |Δp| lossless", "max |Δp| JPEG", "verdict")
    return f"{_table(heads, rows, left=2)}\n\n<sub>pixels: largest / mean difference, of 255</sub>" if rows else ""


def _pixels(rung: ImageRung, kind: str) -> str:
    cases = [case for case in rung.cases if case.kind == kind]
    measured = [case for case in cases if not case.problem]
    broken = len(cases) - len(measured)
    note = f" ({broken} not compared)" if broken else ""
    if not measured:
        return f"{NONE}{note}"
    largest, mean = max(case.max_abs for case in measured), sum(case.mean_abs for case in measured) / len(measured)
    return f"{largest} / {format_number(mean)}{note}"


def _photo_table(run: ParityRun) -> str:
    heads = ("rung", "engine", "both / one / none", "crop", "IoU", "offset x, y", "mean |Δp|", "max |Δp|", "top-1")
    rows = []
    for rung in run.photos:
        found = _found(rung)
        shifts = [pair for pair in (("plain", rung.plain), ("corrected", rung.corrected)) if pair[1]]
        for name, shift in shifts or [(NONE, None)]:
            rows.append(("photo", str(rung.browser), found, name, *_shift_figures(shift), _verdict(run, rung)))
    return _table((*heads, "verdict"), rows, left=2) if rows else ""


def _found(rung: PhotoRung) -> str:
    if not rung.photos:
        return NONE
    one = rung.haar_only + rung.browser_only
    return f"{rung.photos - one - rung.neither} / {one} / {rung.neither} of {rung.photos}"


def _shift_figures(shift: PhotoShift | None) -> tuple[str, ...]:
    if shift is None:
        return (NONE,) * 5
    return (
        format_number(shift.mean_iou),
        f"{format_signed(shift.mean_offset_x)}, {format_signed(shift.mean_offset_y)}",
        format_number(shift.mean_abs_prob),
        format_number(shift.max_abs_prob),
        format_share(shift.top1_agreement),
    )


def _verdict(run: ParityRun, part: Part) -> str:
    return f"{_SIGNS[part.verdict]} {part_verdict(run, part)}"


def _reason_list(title: str, run: ParityRun, verdict: str) -> str:
    lines = [
        f"- {escape_markdown(part_name(part))}: {escape_markdown('; '.join(part.reasons) or 'no reason given')}"
        for part in run.parts
        if part.verdict == verdict
    ]
    return "\n".join([f"**{title}**", "", *lines]) if lines else ""


def _environment(run: ParityRun) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in sorted(run.tools.items()))
    facts = [
        f"source SHA-256 {run.source_sha256[:12]}",
        f"{run.samples} crops of {run.input_size}×{run.input_size}",
        f"{run.started_at}, {format_seconds(run.seconds)}",
        tools,
    ]
    # Code, so that no @scope of a package calls somebody of that name.
    return f"<sub>`{'; '.join(fact for fact in facts if fact).replace('`', chr(39))}`</sub>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    lines = [[escape_markdown(head) for head in heads], ["---"] * left + ["---:"] * (len(heads) - left - 1) + ["---"]]
    lines += [[escape_markdown(field) for field in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
