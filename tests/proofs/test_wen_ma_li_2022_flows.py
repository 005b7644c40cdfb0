"""How fast the distance of sharpness-aware steps to their flows shrinks with the step."""

import numpy as np
import pytest

import theorycheck as tc
from tests.proofs.descents import admitted, module


def test_rate_of_sam():
    """The median over the networks drawn of how far SAM is from its flow, over the way."""
    wen = module("wen_ma_li_2022_flows")
    N = admitted(wen.flow_of_sam, 100)
    share, beside = wen.reached(N, tc.TOP, 0.5, wen.runs(N, wen.ETAS, wen.COUNTS))
    rate = tc.rate_of(wen.ETAS, np.median(np.hypot(share - 1, beside), axis=1))
    assert float(rate) == pytest.approx(1.12, abs=0.1)
    assert float(rate.error) < 0.2


def test_rate_of_one_sam():
    """The same for what is missing of the mean way of four runs of 1-SAM."""
    wen = module("wen_ma_li_2022_flows")
    N = admitted(wen.one_sam, 300)
    counts = np.round(wen.TIME / wen.FEW_ETAS**4).astype(int)
    share, _ = wen.passed(N, tc.TRACE, 0.5, wen.runs(N, wen.FEW_ETAS, counts, samples=True))
    rate = tc.rate_of(wen.FEW_ETAS, np.abs(np.median(np.mean(share, axis=0) - 1, axis=1)))
    assert float(rate) == pytest.approx(1.22, abs=0.1)
    assert float(rate.error) < 0.4
