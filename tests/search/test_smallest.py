"""The smallest counterexamples to falsehoods of the library: the same from every seed, and known by hand."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.library import papers

FALSE = {f"{p.name}/{t.name}": t for p in papers() for t in p.false}
SCALARS = (0, 0, 0, 0, 1, 0, 1)  # two scalar layers, one sample X = [[1]], y = [1]

EXACT = [
    ("marion_chizat_2024/sharpness_ge_of_minimiser:without_at_minimiser", (*SCALARS, 0, 0)),
    ("marion_chizat_2024/sharpness_ge_of_minimiser:factor_2_02", (*SCALARS, 0, 1)),
    ("marion_chizat_2024/sharpness_ge_of_minimiser:factor_2_0002", (*SCALARS, 0, 1)),
    ("marion_chizat_2024/sharpness_ge_of_minimiser:half_loss", (*SCALARS, 0, 1)),
    ("marion_chizat_2024/sharpness_ge_of_minimiser:last_layer_frozen", (*SCALARS, 0, 1)),
    ("marion_chizat_2024_balanced/least_sharpness_le:factor_0_98", (*SCALARS, 0, 0)),
    ("marion_chizat_2024_sharp/sharpness_unbounded_of_minimiser:without_deep", (0, 0, 0, 1, 0, 1, 0)),
    ("arora_2018_velocity/velocity_of_balanced:without_balanced", (0, 0, 0, 0, 0, 0, 0, 1, 1, 1)),
    ("arora_2018/imbalance_changes_by_of_one_step:factor_1_0002", (0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0)),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "choices"), EXACT)
def test_the_smallest_instance_is_found_and_nothing_simpler_is_left(name, choices, seed):
    found = tc.check(FALSE[name], instances=2000, seed=seed).counterexample
    assert found is not None
    assert found.choices == choices
    assert found.exhausted
    assert found.story().endswith("every simpler one of as many numbers was tried and none violates")


SIZES = [
    ("marion_chizat_2024/sharpness_eq_least_of_flattest:balanced_is_flattest", (2, 1, 1), 15),
    ("marion_chizat_2024_balanced/least_sharpness_le:at_least_top_curvature", (2, 1, 1), 15),
    ("marion_chizat_2024_balanced/least_sharpness_eq_of_top_target:without_top_target", (2, 1, 1), 15),
    ("arora_2018/layer_gradients_agree:transposed", (1, 2, 1), 12),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "widths", "numbers"), SIZES)
def test_the_smallest_size_is_found(name, widths, numbers, seed):
    """Two inputs where one cannot do, one hidden unit; zeros and small whole numbers in several ways."""
    found = tc.check(FALSE[name], instances=2000, seed=seed).counterexample
    assert found is not None
    assert found.instance.widths == widths
    assert len(found.choices) == numbers <= len(found.first)
    assert np.max(np.abs([*found.instance.X.ravel(), *found.instance.y, *found.instance.theta])) <= 2


@pytest.mark.parametrize(
    "name",
    [
        "marion_chizat_2024/sharpness_eq_least_of_flattest:balanced_is_flattest",
        "marion_chizat_2024_balanced/least_sharpness_le:at_least_top_curvature",
    ],
)
def test_folklore_on_flat_minima_falls_for_certain_in_two_inputs_and_depth_two(name):
    """ "Balanced minimisers are the flattest", and "the least sharpness is 2 L Λ |w*|^(2-2/L) or more" with Λ the top curvature."""
    found = tc.check(FALSE[name], instances=200, seed=1).counterexample
    certificate = tc.certify(found)
    assert isinstance(certificate, tc.Certificate), str(certificate)
    assert (found.instance.depth, found.instance.widths[0]) == (2, 2)
    assert certificate.left < certificate.right or certificate.left > certificate.right
    assert set(certificate.premises.values()) <= {"exactly", "certainly"}
