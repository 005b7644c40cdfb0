"""Figures in one style: each takes an answer of the library, or arrays, and returns a Matplotlib figure.

Matplotlib is imported when a figure is asked for; it comes with the extra ``plot``.
"""

from theorycheck.report.figures.bounds import observed_against_bound as observed_against_bound
from theorycheck.report.figures.bounds import slack_histogram as slack_histogram
from theorycheck.report.figures.maps import tightness_map as tightness_map
from theorycheck.report.figures.networks import counterexample as counterexample
from theorycheck.report.figures.portraits import mirror_flow_portrait as mirror_flow_portrait
from theorycheck.report.figures.premises import premises as premises
from theorycheck.report.figures.rates import convergence_rate as convergence_rate
from theorycheck.report.figures.rates import ratio_by_feature as ratio_by_feature
from theorycheck.report.figures.runs import hessian_spectrum as hessian_spectrum
from theorycheck.report.figures.runs import trajectory as trajectory
from theorycheck.report.figures.style import NeedsMatplotlib as NeedsMatplotlib
from theorycheck.report.figures.style import logarithmic as logarithmic
from theorycheck.report.figures.style import series as series
from theorycheck.report.figures.style import sheet as sheet
from theorycheck.report.figures.style import style as style
from theorycheck.report.figures.style import titled as titled
