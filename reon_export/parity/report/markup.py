"""HTML as text, where nothing can be forgotten to be escaped: a plain str is always escaped, only Html is not."""

from collections.abc import Mapping, Sequence
from html import escape

from reon_export.manifest import Verdict
from reon_export.parity.report.words import NONE

_VOID = frozenset({"meta", "img", "rect", "line", "path", "circle"})
_COLUMNS_ON_A_PHONE = 4
Attributes = Mapping[str, str]


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, attributes: Attributes | None = None, *children: str) -> Html:
    """One element; children that are not Html, and every attribute, are escaped."""
    opening = "".join(f' {key}="{escape(value)}"' for key, value in (attributes or {}).items())
    if name in _VOID:
        return Html(f"<{name}{opening}/>")
    return Html(f"<{name}{opening}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Children one after the other, escaped unless they are Html."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def block(class_name: str, *children: str, name: str = "div") -> Html:
    """An element with a class."""
    return element(name, {"class": class_name}, *children)


def section(title: str, lead: str, *children: str) -> Html:
    """A titled card."""
    anchor = "-".join(title.lower().split())
    heading = element("h2", {"id": anchor}, title)
    introduction = [block("lead", lead, name="p")] if lead else []
    return element("section", {"class": "card", "aria-labelledby": anchor}, heading, *introduction, *children)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], numeric_from: int = 1) -> Html:
    """A table whose first column heads its rows; on a narrow page one of many columns becomes a card for each row.

    The roles are given in words because browsers drop those of a table that is laid out as blocks.
    """
    kinds = ["" if index < numeric_from else "number" for index in range(len(heads))]
    head = [
        element("th", {"scope": "col", "role": "columnheader", "class": kind}, title)
        for title, kind in zip(heads, kinds, strict=True)
    ]
    body = []
    for row in rows:
        first = element("th", {"scope": "row", "role": "rowheader"}, row[0])
        rest = [
            element(
                "td",
                {"role": "cell", "data-label": title, "class": _cell_class(kind, field)},
                element("div", {}, field),
            )
            for title, kind, field in zip(heads[1:], kinds[1:], row[1:], strict=True)
        ]
        body.append(element("tr", {"role": "row"}, first, *rest))
    return element(
        "table",
        {"role": "table", **({"class": "cards"} if len(heads) > _COLUMNS_ON_A_PHONE else {})},
        block("visually-hidden", caption, name="caption"),
        element("thead", {"role": "rowgroup"}, element("tr", {"role": "row"}, *head)),
        element("tbody", {"role": "rowgroup"}, *body),
    )


def _cell_class(kind: str, field: str) -> str:
    # A narrow page leaves out what is not there instead of spending a line on each dash.
    return f"{kind} absent".strip() if field == NONE else kind


def verdict_badge(verdict: Verdict, words: str) -> Html:
    """A sign of its own shape and colour, and the word."""
    return block(f"badge {verdict}", verdict_sign(verdict), words, name="span")


def verdict_sign(verdict: Verdict) -> Html:
    """A tick, a cross or a dash in a disc."""
    strokes = {"passed": "M4.6 8.3l2.3 2.3 4.6-5", "failed": "M5.3 5.3l5.4 5.4m0-5.4l-5.4 5.4", "not_run": "M4.8 8h6.4"}
    return element(
        "svg",
        {"class": f"sign {verdict}", "viewBox": "0 0 16 16", "aria-hidden": "true"},
        element("circle", {"cx": "8", "cy": "8", "r": "8"}),
        element("path", {"d": strokes[verdict]}),
    )
