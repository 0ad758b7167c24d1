"""Families whose ranks pass through a spline, against Pyro's spline, quadrature, and the families themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from cases import CASES, Case
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from likelihead import DistributionHead, LikelihoodError, distributions
from likelihead.distributions.rational_quadratic import Bins, inverse, log_values
from likelihead.distributions.tails import has_log_tails, log_tails
from likelihead.families.family import Family
from likelihead.inference import cdf, mean, mode, quantile
from likelihead.laws.law import law

Array = NDArray[np.float64]
#: Its package has a function of the module's name.
PYRO = importlib.import_module("pyro.distributions.transforms.spline")


def _is_on_top_of(case: Case) -> bool:
    built = Family.of(case.spec, case.event_size).example()
    return not (built.event_shape or built.support.is_discrete or law(built).atom) and has_log_tails(built)


CONTINUOUS = [case for case in CASES.values() if _is_on_top_of(case) and case.name != "spline_normal"]
every_family = pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case.name)


def made(case: Case, spread: float, bins: int = 5) -> tuple[Any, dict[str, Tensor]]:
    """The family of a case on which a spline is put, and its parameters; a spread of 0 is no change."""
    spec = Family.of(case.spec).spec
    family = Family.of({**spec, "spline": bins})
    generator = torch.Generator().manual_seed(1)
    values = dict(case.parameters)
    for name in ("widths", "heights", "slopes"):
        shape = (len(case.inside), *family.parameter_shapes[name])
        values[name] = (spread * torch.randn(shape, generator=generator, dtype=torch.float64)).exp()
    return family.build(values), values


def base_of(case: Case) -> Any:
    return Family.of(case.spec).build(case.parameters)


@every_family
def test_equal_bins_and_slopes_of_1_change_nothing(case: Case) -> None:
    built, base = made(case, 0.0)[0], base_of(case)
    np.testing.assert_allclose(built.log_prob(case.inside), base.log_prob(case.inside), rtol=1e-10, atol=1e-12)
    ranks = torch.tensor([1e-9, 0.2, 0.7, 1.0 - 1e-9], dtype=torch.float64)
    np.testing.assert_allclose(quantile(built, ranks), quantile(base, ranks), rtol=1e-7)


def integral(built: Any, points: Array) -> Array:
    """Of the density between the first and the last of the points (n, rows), piece by piece, (rows,)."""
    nodes, weights = np.polynomial.legendre.leggauss(30)
    middle, half = 0.5 * (points[1:] + points[:-1]), 0.5 * np.diff(points, axis=0)
    at = torch.from_numpy(middle[:, None] + half[:, None] * nodes[:, None])
    return (half[:, None] * weights[:, None] * built.log_prob(at).exp().numpy()).sum((0, 1))


@every_family
def test_the_density_is_that_of_the_cdf(case: Case) -> None:
    """What quadrature finds between two quantiles is the difference of their ranks."""
    built, _ = made(case, 1.0)
    inner = torch.linspace(0.05, 0.9, 18, dtype=torch.float64)
    points = quantile(built, inner)
    np.testing.assert_allclose(cdf(built, points), inner[:, None].expand(18, 4), atol=1e-9)
    # The density has corners where a knot lies, or where the base has one.
    corners = [points[:1], quantile(built, torch.linspace(0.05, 0.9, 200, dtype=torch.float64))]
    parts = getattr(law(built), "parts", None)
    knots = law(built).pieces() if parts is None else parts.side_by_side(parts.law.pieces())
    corners.append(torch.from_numpy(knots).clamp(points[0], points[-1]))
    if "loc" in case.parameters and case.parameters["loc"].dim() == 1:
        corners.append(case.parameters["loc"].clamp(points[0], points[-1])[None])
    np.testing.assert_allclose(integral(built, np.sort(torch.cat(corners).numpy(), 0)), 0.85, atol=1e-6)


@every_family
def test_tails_keep_their_logarithms_and_every_parameter_its_gradient(case: Case) -> None:
    """Far out the density is that of the base, times the slope at the end; and so are the tails."""
    family = Family.of({**Family.of(case.spec).spec, "spline": 5})
    values = {name: value.clone().requires_grad_() for name, value in made(case, 1.0)[1].items()}
    for rank, side in ((1e-12, 0), (1.0 - 1e-12, 1)):
        built, base = family.build(values), base_of(case)
        y = quantile(base, rank)
        # Close to 1 there are no further numbers where the rank is still far from 1.
        resolved = (cdf(base, y) - rank).abs() < 1e-16
        log_prob = built.log_prob(torch.where(resolved, y, case.inside))
        for gradient in torch.autograd.grad(log_prob.sum(), list(values.values()), retain_graph=True):
            assert bool(gradient.isfinite().all())
        if family.components:
            continue
        end = built.bins().log_slopes[:, -side]
        gaps = [log_prob - base.log_prob(y) - end, log_tails(built, y)[side] - log_tails(base, y)[side] - end]
        for gap in gaps:
            np.testing.assert_allclose(gap.detach()[resolved], 0.0, atol=1e-6)


def test_beyond_the_precision_of_a_rank_the_density_is_the_bases_times_a_constant() -> None:
    loc = torch.tensor([0.0, 0.0, 0.0, 0.0], requires_grad=True)
    widths = torch.tensor([1.0, 3.0, 2.0])
    slopes = torch.tensor([0.25, 1.0, 1.0, 4.0])
    built = distributions.Spline(distributions.Normal(loc.double(), torch.ones(4).double()), widths, widths, slopes)
    y = torch.tensor([-9.0, -60.0, 60.0, 1e4])
    log_prob = built.log_prob(y)
    ends = np.log(100.0) * np.tanh(np.log([0.25, 0.25, 4.0, 4.0]) / np.log(100.0))
    np.testing.assert_allclose(log_prob.detach(), stats.norm.logpdf(y) + ends, rtol=1e-6)
    (gradient,) = torch.autograd.grad(log_prob.sum(), loc)
    np.testing.assert_allclose(gradient, y, rtol=1e-5)
    assert log_tails(built, y.double()).log_survival[3].item() == pytest.approx(
        stats.norm.logsf(1e4) + ends[3], rel=1e-12
    )


def test_the_spline_is_that_of_pyro() -> None:
    """On [-1, 1], with the slopes of 1 at the ends that Pyro gives them."""
    torch.manual_seed(0)
    weights, heights = torch.randn(2, 50, 8, dtype=torch.float64).exp().unbind(0)
    slopes = torch.randn(50, 9, dtype=torch.float64).exp()
    slopes[:, [0, -1]] = 1.0
    bins = Bins.of(weights, heights, slopes)
    point = torch.rand(50, dtype=torch.float64)
    theirs, log_slope = PYRO._monotonic_rational_spline(
        (2.0 * point - 1.0)[:, None], bins.widths[:, None], bins.heights[:, None],
        bins.log_slopes.exp()[:, None, 1:-1], bound=1.0, min_bin_width=0.0, min_bin_height=0.0, min_derivative=0.0,
        eps=0.0,
    )  # fmt: skip
    ours = log_values(bins, point.log())
    np.testing.assert_allclose(ours.value.exp(), (theirs[:, 0] + 1.0) / 2.0, rtol=1e-10)
    np.testing.assert_allclose(ours.slope, log_slope[:, 0], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(inverse(bins, ours.value.exp()), point, rtol=1e-9)
    mirrored = log_values(bins.seen_from(torch.ones(50, dtype=torch.bool)), torch.log1p(-point))
    np.testing.assert_allclose(1.0 - mirrored.value.exp(), ours.value.exp(), rtol=1e-10)
    np.testing.assert_allclose(mirrored.slope, ours.slope, rtol=1e-9, atol=1e-10)


def test_the_ends_keep_their_digits_in_both_directions() -> None:
    bins = Bins.of(*(torch.tensor(values, dtype=torch.float64) for values in ([1, 2, 5], [4, 1, 1], [0.1, 1, 2, 3])))
    small = torch.tensor([1e-300, 1e-30, 1e-5], dtype=torch.float64)
    found = log_values(bins, small.log()).value.exp()
    np.testing.assert_allclose(inverse(bins, found), small, rtol=1e-12)
    assert float(found[0] / small[0]) == pytest.approx(float(bins.log_slopes[0].exp()), rel=1e-12)


def two_peaks() -> Any:
    base = distributions.Normal(torch.tensor([0.0, 10.0]).double(), torch.tensor([1.0, 4.0]).double())
    widths, heights, slopes = [1.0, 2.0, 4.0, 2.0, 1.0], [2.0, 6.0, 0.5, 8.0, 1.0], [1.0, 2.0, 0.1, 0.2, 3.0, 0.7]
    return distributions.Spline(base, *(torch.tensor(values).double() for values in (widths, heights, slopes)))


def test_the_mode_the_mean_and_the_crps_are_those_of_the_density() -> None:
    built, ends = two_peaks(), [quantile(two_peaks(), q) for q in (1e-12, 1.0 - 1e-12)]
    grid = ends[0] + (ends[1] - ends[0]) * torch.linspace(0.0, 1.0, 200_001, dtype=torch.float64)[:, None]
    highest = built.log_prob(grid).max(0)
    found = mode(built)
    assert bool((built.log_prob(found) >= highest.values).all())
    np.testing.assert_allclose(found, grid.gather(0, highest.indices[None])[0], atol=1e-3)
    step, density = grid[1] - grid[0], built.log_prob(grid).exp()
    np.testing.assert_allclose(mean(built), (step * density * grid).sum(0), rtol=1e-6, atol=1e-7)
    y = torch.tensor([0.3, 9.0], dtype=torch.float64)
    risen = (cdf(built, grid) - (grid >= y).double()).square()
    np.testing.assert_allclose(law(built).crps(y.numpy()), (step * risen).sum(0), rtol=1e-4)


def test_a_mixture_of_splines_is_the_weighted_sum() -> None:
    case = next(case for case in CONTINUOUS if case.name == "gaussian_mixture")
    built, values = made(case, 1.0)
    single = Family.of({"family": "likelihead.distributions.Normal", "spline": 5})
    shares = torch.softmax(values["mixture_logits"], -1)
    names = ("widths", "heights", "slopes", "loc", "scale")
    parts = [single.build({name: values[name][:, k] for name in names}) for k in range(5)]
    expected = sum(shares[:, k] * part.log_prob(case.inside).exp() for k, part in enumerate(parts))
    np.testing.assert_allclose(built.log_prob(case.inside).exp(), expected, rtol=1e-10)


def test_the_log_prob_in_40_digits() -> None:
    """In the tail of a Student-t, by mpmath's incomplete beta function and the formula of the spline."""
    values = {"df": 3.0, "loc": 0.0, "scale": 1.0}
    shares, slopes = np.array([0.2, 0.3, 0.5]), np.array([0.5, 1.5, 1.0, 2.0])
    family = Family.of({"family": "likelihead.distributions.StudentT", "spline": 3})
    given = {name: torch.tensor([value]).double() for name, value in values.items()}
    given |= {"widths": torch.from_numpy(shares)[None], "heights": torch.from_numpy(shares[::-1].copy())[None]}
    built = family.build({**given, "slopes": torch.from_numpy(slopes)[None]})
    y = -25.0
    with mp.workdps(40):
        rank = mp.betainc(1.5, 0.5, 0, 3 / (3 + mp.mpf(y) ** 2), regularized=True) / 2
        width, height = 0.01 + 0.97 * mp.mpf(0.2), mp.mpf("0.001") + mp.mpf("0.997") * mp.mpf(0.5)
        first, second = (mp.e ** (mp.log(100) * mp.tanh(mp.log(slope) / mp.log(100))) for slope in (0.5, 1.5))

        def spline(u: mp.mpf) -> mp.mpf:
            t, chord = u / width, height / width
            above = height * (chord * t**2 + first * t * (1 - t))
            return above / (chord + (first + second - 2 * chord) * t * (1 - t))

        expected = float(mp.log(mp.diff(spline, rank))) + float(stats.t.logpdf(y, 3))
        assert cdf(built, torch.tensor([y]).double()).item() == pytest.approx(float(spline(rank)), rel=1e-9)
    assert built.log_prob(torch.tensor([y]).double()).item() == pytest.approx(expected, rel=1e-12)


def test_a_marginal_fit_finds_two_peaks() -> None:
    torch.manual_seed(0)
    y = torch.where(torch.rand(3000) < 0.3, -3.0 + 0.5 * torch.randn(3000), 2.0 + torch.randn(3000))
    truth = np.log(0.3 * stats.norm.pdf(y, -3.0, 0.5) + 0.7 * stats.norm.pdf(y, 2.0, 1.0)).mean()
    fits = {name: DistributionHead(name, in_features=1).fit_marginal(y).nll for name in ("normal", "spline_normal")}
    assert fits["normal"] > -truth + 0.3
    assert fits["spline_normal"] < -truth + 0.01


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"family": "likelihead.distributions.Poisson", "spline": 8},
            "for continuous families of numbers, and Poisson",
        ),
        (
            {"family": "likelihead.distributions.Tweedie", "spline": 8},
            "for continuous families of numbers, and Tweedie",
        ),
        ({"family": "likelihead.distributions.VonMisesVector", "spline": 8}, "for continuous families of numbers"),
        ({"family": "likelihead.distributions.DiagonalNormal", "spline": 8}, "for continuous families of numbers"),
        ({"family": "likelihead.distributions.Normal", "spline": 1}, "number of bins, 2 to 50, such as 8"),
        ({"family": "likelihead.distributions.Normal", "spline": "many"}, "number of bins, 2 to 50, such as 8"),
        ({"family": "likelihead.distributions.Normal", "spline": 51}, "number of bins, 2 to 50, such as 8"),
    ],
)
def test_splines_that_cannot_be(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(LikelihoodError, match=message):
        Family.of(mapping, event_size=3 if "Diagonal" in mapping["family"] else None)


def test_a_spline_goes_with_limits_zeros_and_ones() -> None:
    between = Family.of({"family": "likelihead.distributions.Normal", "limits": [0, 4], "spline": 4})
    assert between.name == "spline truncated Normal"
    built = between.example(0.3)
    assert integral(built, law(built).pieces()).item() == pytest.approx(1.0, rel=1e-6)
    shares = {"family": "likelihead.distributions.BetaProportion", "spline": 4, "ones": "hurdle", "zeros": "hurdle"}
    inflated = Family.of(shares).example(0.3)
    zero, one = (float(inflated.log_prob(torch.tensor([end])).exp()) for end in (0.0, 1.0))
    inside = integral(inflated, law(inflated.base_dist.base_dist).pieces()[1:-1])
    assert zero + one + inside.item() == pytest.approx(1.0, rel=1e-4)


def test_the_command_puts_a_spline_on_a_family(command: Callable[..., None], in_folder: Path) -> None:
    options = ["distribution.spline=4", "data.rows=80", "trainer.max_epochs=1", "strategy=cpu", "report=false"]
    command("train", "distribution=gamma", *options, "hydra.run.dir=run")
    command("predict", "checkpoint=run", "output=new.csv")
    assert "slopes.5" in Path("new.csv").read_text().splitlines()[0].split(",")
