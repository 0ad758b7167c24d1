"""Every kind of bad target for every family is a named error or a documented conversion."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from cases import CASES
from torch import Tensor

from likelihead.configs import read
from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import Family, probe_family, shipped
from likelihead.target_types import check_targets
from likelihead.target_types.detect import target_type_of
from likelihead.target_types.numbers import Number

SIZE = 3
#: Targets inside the support, four rows for each family.
REAL = [-1.5, 0.0, 2.0, 7.25]
COUNT = [0.0, 1.0, 3.0, 12.0]
POSITIVE = [0.25, 1.0, 2.5, 1e4]
UNIT = [0.125, 0.25, 0.5, 0.9]
GOOD: dict[str, list[object]] = {
    "normal": REAL,
    "laplace": REAL,
    "student_t": REAL,
    "gaussian_mixture": REAL,
    "exponential": [0.0, *POSITIVE[1:]],
    "gamma": POSITIVE,
    "log_normal": POSITIVE,
    "weibull": POSITIVE,
    "beta": UNIT,
    "beta_proportion": UNIT,
    "multivariate_normal": [[0.0, 1.0, -2.0]] * 4,
    "von_mises": [-3.0, 0.0, 1.0, 3.0],
    "bernoulli": [0.0, 1.0, 1.0, 0.0],
    "categorical": [0, 2, 1, 1],
    "ordinal": [0, 2, 1, 1],
    "poisson": COUNT,
    "negative_binomial": COUNT,
    "zero_inflated_poisson": COUNT,
    "plackett_luce": [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]],
    "dirichlet": [[0.25, 0.25, 0.5]] * 4,
}
#: Any other family: those of its row of the table.
GOOD |= {name: case.inside.tolist() for name, case in CASES.items() if name not in GOOD}
WHOLE = ("categorical", "ordinal", "plackett_luce", "plackett_luce_partial", "plackett_luce_top")
VECTORS = [name for name, rows in GOOD.items() if isinstance(rows[0], list)]
#: Values that the family refuses, and what the error says of them.
BAD: dict[str, list[tuple[float, str]]] = {
    "exponential": [(-1.0, "below 0"), (1e300, "too large for float32")],
    "gamma": [(-1.0, "below 0"), (0.0, "exactly 0"), (1e-60, "exactly 0")],
    "log_normal": [(-1.0, "below 0"), (0.0, "exactly 0")],
    "weibull": [(-1.0, "below 0"), (0.0, "exactly 0")],
    "beta": [(-0.1, "below 0"), (1.1, "above 1"), (0.0, "exactly 0"), (1.0, "exactly 1"), (1 - 1e-12, "exactly 1")],
    "von_mises": [(7.0, "more than one turn")],
    "bernoulli": [(-1.0, "neither 0 nor 1"), (2.0, "neither 0 nor 1"), (0.5, "neither 0 nor 1")],
    "categorical": [(-1.0, "below 0"), (3.0, "above 2"), (0.5, "not a whole number")],
    "ordinal": [(-1.0, "below 0"), (3.0, "above 2"), (0.5, "not a whole number")],
    "poisson": [(-1.0, "below 0"), (0.5, "not a whole number")],
    "negative_binomial": [(-1.0, "below 0"), (0.5, "not a whole number")],
    "zero_inflated_poisson": [(-1.0, "below 0"), (0.5, "not a whole number")],
    "plackett_luce": [(2.0, "not a permutation"), (3.0, "not a permutation"), (0.5, "not a permutation")],
    "dirichlet": [(-0.25, "below 0"), (0.5, "a sum that is not 1"), (0.0, "a sum that is not 1")],
}
BAD["beta_proportion"] = BAD["beta"]


def family(name: str) -> Family:
    return probe_family(name, good(name).shape[-1] if name in VECTORS else SIZE)


def good(name: str) -> Tensor:
    return torch.tensor(GOOD[name])


def with_first(name: str, value: float) -> Tensor:
    """Good targets whose third row starts with `value`."""
    y = good(name).double()
    y[2, ...] = torch.cat([torch.tensor([value], dtype=torch.float64), y[2, 1:]]) if y.dim() == 2 else value
    return y


def test_every_shipped_family_has_a_row() -> None:
    assert set(GOOD) == set(shipped())


@pytest.mark.parametrize("name", sorted(GOOD))
def test_targets_in_the_support_pass_unchanged(name: str) -> None:
    y = check_targets(good(name), family(name))
    assert y.dtype == (torch.int64 if name in WHOLE else torch.float32)
    assert torch.equal(y.double(), good(name).double())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", sorted(GOOD))
def test_missing_and_infinite_values_are_named(name: str, value: float) -> None:
    wanted = r"NaN" if math.isnan(value) else "infinite"
    with pytest.raises(TargetError, match=rf"'demand.*1 of 4 rows.*1 .*{wanted}.*row 2"):
        check_targets(with_first(name, value), family(name), names=["demand"])


@pytest.mark.parametrize(("name", "value", "words"), [(name, *case) for name, cases in BAD.items() for case in cases])
def test_values_outside_the_support_are_named(name: str, value: float, words: str) -> None:
    with pytest.raises(TargetError, match=rf"'demand.*1 of 4 rows.*{words}.*row 2"):
        check_targets(with_first(name, value), family(name), names=["demand"])


@pytest.mark.parametrize("name", sorted(GOOD))
def test_wrong_shapes_are_named(name: str) -> None:
    y = good(name)
    for wrong in (y[..., None], y[0], y[0].flatten()[0], y[:, None].expand(4, 2, *y.shape[1:])):
        with pytest.raises(TargetError, match=r"takes y of shape \(N,|rows"):
            check_targets(wrong, family(name), rows=4)
    with pytest.raises(TargetError, match="y has 5 rows and x has 4"):
        check_targets(torch.cat([y, y[:1]]), family(name), rows=4)
    with pytest.raises(TargetError, match="no rows"):
        check_targets(y[:0], family(name))


@pytest.mark.parametrize("name", sorted(set(GOOD) - set(VECTORS)))
def test_a_column_of_one_says_squeeze(name: str) -> None:
    with pytest.raises(TargetError, match=r"pass y.squeeze\(1\)"):
        check_targets(good(name)[:, None], family(name))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_dtypes_are_converted_or_refused(name: str) -> None:
    expected = torch.int64 if name in WHOLE else torch.float32
    assert check_targets(good(name).double(), family(name)).dtype == expected
    with pytest.raises(TargetError, match="complex"):
        check_targets(good(name).to(torch.complex64), family(name))
    whole = good(name).round()
    if torch.equal(whole.double(), good(name).double()):
        assert torch.equal(check_targets(whole.long(), family(name)).double(), good(name).double())


@pytest.mark.parametrize("name", ["normal", "poisson", "bernoulli", "categorical", "exponential"])
def test_booleans_are_zero_and_one(name: str) -> None:
    y = check_targets(torch.tensor([True, False, True]), family(name))
    assert y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.int64, torch.uint8, torch.float16])
@pytest.mark.parametrize("name", sorted(GOOD))
def test_no_dtype_is_taken_silently_for_another_value(name: str, dtype: torch.dtype) -> None:
    y = good(name).to(dtype)
    try:
        taken = check_targets(y, family(name))
    except TargetError:
        return
    assert taken.dtype == (torch.int64 if name in WHOLE else torch.float32)
    torch.testing.assert_close(taken.double(), y.double(), rtol=1e-6, atol=0)


def test_errors_name_families_that_would_fit() -> None:
    with pytest.raises(TargetError, match=r"families that would fit: .*laplace.*normal.*student_t"):
        check_targets(torch.tensor([-1.0, 2.5]), family("gamma"))
    with pytest.raises(TargetError, match=r"families that would fit: .*categorical.*negative_binomial.*poisson"):
        check_targets(torch.tensor([0, 1, 4]), family("bernoulli"))
    with pytest.raises(TargetError) as caught:
        check_targets(torch.tensor([-1.0, 2.5]), family("poisson"))
    assert "gamma" not in str(caught.value)


def test_a_missing_value_has_no_family_that_fits() -> None:
    with pytest.raises(TargetError, match="no family takes missing or infinite values"):
        check_targets(torch.tensor([math.nan, 2.5]), family("normal"))


def test_angles_up_to_one_turn_are_wrapped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    angles = torch.tensor([0.0, 3.5, -math.pi, 6.0, -6.0], dtype=torch.float64)
    with caplog.at_level(logging.INFO):
        y = check_targets(angles, family("von_mises"), names=["theta"])
    assert "theta: 4 of 5 rows" in caplog.text
    expected = torch.atan2(angles.sin(), angles.cos())
    expected[2] = math.pi
    torch.testing.assert_close(y, expected.float())


def test_rows_of_shares_are_divided_by_their_sum(caplog: pytest.LogCaptureFixture) -> None:
    shares = torch.tensor([[0.2, 0.3, 0.50005], [0.1, 0.2, 0.7]], dtype=torch.float64)
    with caplog.at_level(logging.INFO):
        y = check_targets(shares, family("dirichlet"), names=["a", "b", "c"])
    assert "1 of 2 rows of shares" in caplog.text
    torch.testing.assert_close(y.double().sum(dim=1), torch.ones(2, dtype=torch.float64), atol=1e-7, rtol=0)


def test_squeeze_moves_proportions_by_smithson_and_verkuilen(caplog: pytest.LogCaptureFixture) -> None:
    y = torch.tensor([0.0, 0.25, 0.5, 1.0])
    with caplog.at_level(logging.WARNING):
        moved = check_targets(y, family("beta"), boundary="squeeze")
    assert "2 of 4 rows" in caplog.text
    n = len(y)
    assert moved.tolist() == [(0 * (n - 1) + 0.5) / n, 0.25, 0.5, (1 * (n - 1) + 0.5) / n]


@pytest.mark.parametrize("name", ["gamma", "log_normal", "weibull"])
def test_squeeze_moves_zero_magnitudes_to_half_the_smallest(name: str) -> None:
    moved = check_targets(torch.tensor([0.0, 3.0, 0.5]), family(name), boundary="squeeze")
    assert moved.tolist() == [0.25, 3.0, 0.5]


def test_squeeze_keeps_shares_on_the_simplex() -> None:
    moved = check_targets(torch.tensor([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]), family("dirichlet"), boundary="squeeze")
    torch.testing.assert_close(moved[0], torch.tensor([1 / 6, 0.25 + 1 / 6, 0.25 + 1 / 6]))
    torch.testing.assert_close(moved[1], torch.tensor([0.2, 0.3, 0.5]))


def test_squeeze_does_not_forgive_other_faults() -> None:
    with pytest.raises(TargetError, match="1 below 0, 1 exactly 0"):
        check_targets(torch.tensor([0.0, -1.0, 2.0]), family("gamma"), boundary="squeeze")
    with pytest.raises(LikelihoodError, match="the choices are error, squeeze"):
        check_targets(torch.tensor([1.0]), family("gamma"), boundary="clamp")


def test_independent_outputs_are_checked_by_column() -> None:
    two = Family.of("gamma", output_shape=(2,))
    assert check_targets(torch.ones(3, 2), two).shape == (3, 2)
    with pytest.raises(TargetError, match=r"'mass': 1 of 2 rows.*row 1: -1\)"):
        check_targets(torch.tensor([[1.0, 1.0], [1.0, -1.0]]), two, names=["size", "mass"])
    with pytest.raises(TargetError, match=r"output_shape=\(2,\)"):
        check_targets(torch.ones(3, 2), family("gamma"))


def test_numbers_that_float32_cannot_tell_apart_are_an_error() -> None:
    y = 1e9 + torch.arange(10, dtype=torch.float64)
    with pytest.raises(TargetError, match="float32 cannot resolve"):
        check_targets(y, family("normal"))


@pytest.mark.parametrize(
    ("path", "name", "lower", "closed"),
    [
        ("HalfNormal", "positive", 0.0, True),
        ("InverseGamma", "positive", 0.0, False),
        ("Gumbel", "real", -math.inf, True),
        ("Pareto", "real", -math.inf, True),
        ("Geometric", "count", 0.0, True),
        ("Kumaraswamy", "proportion", 0.0, False),
    ],
)
def test_any_pyro_family_of_numbers_is_read_from_its_support(path: str, name: str, lower: float, closed: bool) -> None:
    target_type = target_type_of({"family": f"pyro.distributions.{path}"})
    assert isinstance(target_type, Number)
    assert (target_type.name, target_type.lower, target_type.open_lower) == (name, lower, not closed)


@pytest.mark.parametrize("name", ["gamma", "poisson", "beta", "truncated_normal", "normal"])
def test_a_mixture_takes_what_its_components_take(name: str) -> None:
    single, mixture = (target_type_of({**read(name), "components": each}) for each in (None, 2))
    assert isinstance(single, Number) and isinstance(mixture, Number)
    assert (type(mixture), mixture.lower, mixture.upper) == (type(single), single.lower, single.upper)
    assert mixture.support_text == single.support_text


@pytest.mark.parametrize(("path", "name"), [("OneHotCategorical", "one_hot"), ("ProjectedNormal", "unit_vector")])
def test_any_pyro_family_of_vectors_is_read_from_its_support(path: str, name: str) -> None:
    target_type = target_type_of({"family": f"pyro.distributions.{path}"})
    assert (target_type.name, target_type.is_vector) == (name, True)
