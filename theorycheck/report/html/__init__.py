"""The report as one HTML file: no network, no external script, everything that was written by others escaped."""

from theorycheck.report.html.page import page as page
from theorycheck.report.html.page import write_page as write_page
from theorycheck.report.html.results_file import BadResults as BadResults
from theorycheck.report.html.results_file import Contents as Contents
from theorycheck.report.html.results_file import read_results as read_results
