"""The report of a run: figures, and one HTML page that opens offline.

Nothing here is imported before a report is made: matplotlib and jinja2 take a moment to load.
"""

from likelihead.report.report import REPORT, Run, read_history, write_report

__all__ = ["REPORT", "Run", "read_history", "write_report"]
