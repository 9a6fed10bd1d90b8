"""Writes the three files of a report."""

import json
from pathlib import Path

from reon_export.output_places import OwnFiles
from reon_export.parity.records import ParityRun
from reon_export.parity.report.html import render_html
from reon_export.parity.report.markdown import render_markdown
from reon_export.parity.report.schema import is_report, make_report

JSON_NAME, MARKDOWN_NAME, HTML_NAME = "parity.json", "parity.md", "parity.html"
REPORT_FILES = OwnFiles("--report", JSON_NAME, (JSON_NAME, MARKDOWN_NAME, HTML_NAME), is_report)


def write_report(run: ParityRun, folder: Path) -> Path:
    """Write parity.json, parity.md and parity.html into `folder`; the path of the page comes back.

    The folder is made if needed and nothing else in it is touched. Each file is written whole beside its place and
    then moved there, after all three were made: a reader never sees half of one.
    Raises ParityError if the run contradicts itself, FolderError if the folder cannot be written or holds a file of
    one of these names that no parity job wrote.
    """
    contents = {
        JSON_NAME: json.dumps(make_report(run), ensure_ascii=False, indent=2) + "\n",
        MARKDOWN_NAME: render_markdown(run),
        HTML_NAME: render_html(run),
    }
    # "replace": a file name that is not UTF-8 must not stop the report for the sake of one letter.
    REPORT_FILES.write(folder, {name: content.encode("utf-8", "replace") for name, content in contents.items()})
    return folder / HTML_NAME
