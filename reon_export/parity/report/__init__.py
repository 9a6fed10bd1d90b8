"""The report of a parity job: parity.json for tools, parity.md for a pull request, parity.html to forward."""

from reon_export.parity.report.files import (
    HTML_NAME,
    JSON_NAME,
    MARKDOWN_NAME,
    REPORT_FILES,
    write_report,
)
from reon_export.parity.report.schema import make_report, read_report

__all__ = [
    "HTML_NAME",
    "JSON_NAME",
    "MARKDOWN_NAME",
    "REPORT_FILES",
    "make_report",
    "read_report",
    "write_report",
]
