"""What holds for every family, shipped or added: each check takes a row of cases.py and an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from cases import Case
from torch import Tensor, nn

import likelihead
from likelihead import DistributionHead, LikelihoodModule, TargetError, fit, inference
from likelihead.configs import read
from likelihead.evaluation import frame_of, predict, scores
from likelihead.families.family import Family
from likelihead.laws.law import law
from likelihead.target_types import check_targets, target_type_of

Check = Callable[[Case, Path], None]
ROOT = Path(__file__).resolve().parents[1]


def family(case: Case) -> Family:
    return Family.of(case.spec, case.event_size)


def build(case: Case) -> Any:
    return family(case).build(case.parameters)


def head_of(case: Case) -> DistributionHead:
    torch.manual_seed(0)
    return DistributionHead(case.spec, in_features=3, event_size=case.event_size)


def single(y: Tensor) -> Tensor:
    """Targets in the dtype of training."""
    return y.float() if y.is_floating_point() else y


def in_support(built: Any, y: Tensor) -> Tensor:
    """Whether each row (..., *event_shape) lies in the support and is finite."""
    is_finite = y.isfinite().reshape(*y.shape[: y.dim() - len(built.event_shape)], -1).all(-1)
    inside: Tensor = built.support.check(y) & is_finite
    return inside


def resolved_rows(case: Case) -> list[int]:
    """The rows whose samples float64 tells apart from an excluded end of the support."""
    torch.manual_seed(2)
    sample = build(case).sample((2000,))
    return [row for row in range(4) if _is_taken(sample[:, row], family(case))]


def _is_taken(y: Tensor, family: Family) -> bool:
    try:
        check_targets(y, family)
    except TargetError:
        return False
    return True


def restricted(case: Case, rows: list[int] | Tensor) -> Any:
    """The distributions of some rows."""
    return family(case).build({name: value[rows] for name, value in case.parameters.items()})


def exact(y: Tensor) -> Tensor:
    return y.double() if y.is_floating_point() else y


def drawn(case: Case, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (n, 3) and targets drawn from rows of the case, which the inputs tell apart; and those rows."""
    rows = torch.tensor(resolved_rows(case))
    torch.manual_seed(1)
    rows = rows[torch.randint(0, len(rows), (count,))]
    y = restricted(case, rows).sample()
    return torch.stack([rows == row for row in (1, 2, 3)], 1).float(), check_targets(y, family(case)), rows


def log_prob_is_the_reference(case: Case, folder: Path) -> None:
    """In float64 and in float32."""
    np.testing.assert_allclose(build(case).log_prob(case.inside), case.reference(), rtol=1e-10, atol=1e-12)
    narrow = family(case).build({name: value.float() for name, value in case.parameters.items()})
    log_prob = narrow.log_prob(single(case.inside))
    assert log_prob.dtype == torch.float32
    np.testing.assert_allclose(log_prob, case.reference(), rtol=2e-6, atol=2e-6)


def it_expands(case: Case, folder: Path) -> None:
    built = build(case)
    wider = built.expand((3, 4))
    assert wider.batch_shape == (3, 4) and wider.event_shape == built.event_shape
    torch.testing.assert_close(wider.log_prob(case.inside), built.log_prob(case.inside).expand(3, 4))


def samples_lie_in_the_support_around_the_mean(case: Case, folder: Path) -> None:
    torch.manual_seed(0)
    built = build(case)
    sample = built.sample((20_000,))
    assert sample.shape == (20_000, 4, *built.event_shape) and bool(in_support(built, sample).all())
    assert bool(built.log_prob(sample).isfinite().all())
    if case.name == "von_mises":
        torch.testing.assert_close(
            torch.atan2(sample.sin().mean(0), sample.cos().mean(0)), built.mean, atol=0.1, rtol=0
        )
    elif not target_type_of(family(case)).has_items:
        exists = built.mean.isfinite()
        away = (sample.double().mean(0) - built.mean).abs() / sample.double().std(0)
        assert bool((away[exists] < 6.0 / 20_000**0.5).all())
        assert bool(exists.all()) or case.name in ("categorical", "ordinal")


def gradients_are_finite(case: Case, folder: Path) -> None:
    leaves = {name: value.clone().requires_grad_() for name, value in case.parameters.items()}
    log_prob = family(case).build(leaves).log_prob(case.inside)
    for name, gradient in zip(leaves, torch.autograd.grad(log_prob.sum(), list(leaves.values())), strict=True):
        assert bool(gradient.isfinite().all()) and bool((gradient != 0).any()), name


def the_support_takes_what_is_inside_and_refuses_the_rest(case: Case, folder: Path) -> None:
    """Some of torch's supports are closed at an end that is refused here, as the density has no value there."""
    built = build(case)
    assert bool(in_support(built, case.inside).all())
    torch.testing.assert_close(check_targets(case.inside, family(case)), single(case.inside))
    for label, y in case.outside:
        try:
            check_targets(y, family(case))
        except TargetError:
            assert label in ("zero", "one") or not bool(in_support(built, y).all()), label
        else:
            raise AssertionError(f"{label} is accepted")


def every_trainable_parameter_of_a_head_gets_a_gradient(case: Case, folder: Path) -> None:
    head = head_of(case)
    (-head(torch.randn(4, 3)).log_prob(single(case.inside)).sum()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert bool((parameter.grad != 0).any()), name


def a_head_is_saved_loaded_and_shown(case: Case, folder: Path) -> None:
    module = LikelihoodModule(nn.Identity(), head_of(case))
    contents: dict[str, Any] = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(contents)
    torch.save(contents, folder / "some.ckpt")
    again = likelihead.load(folder / "some.ckpt", architecture=nn.Identity(), families=[family(case).cls])
    features, y = torch.randn(4, 3), single(case.inside)
    torch.testing.assert_close(again(features).log_prob(y), module(features).log_prob(y), rtol=0, atol=0)
    assert all(name in repr(module.head) for name in case.parameters) and repr(again.head) == repr(module.head)


def training_starts_at_the_marginal_fit_and_beats_it(case: Case, folder: Path) -> None:
    """It comes at least a third of the way from the marginal fit to the truth."""
    x, y, rows = drawn(case, 400)
    head = head_of(case)
    module = LikelihoodModule(nn.Identity(), head, optimizer=lambda p: torch.optim.Adam(p, lr=0.05))
    marginal = head.fit_marginal(y).nll
    first = module.training_step((x, y), 0).item() / len(y)
    assert abs(first - marginal) < 1e-4 * max(1.0, abs(marginal))
    outcome = fit(module, (x, y), max_epochs=40, batch_size=50)
    assert outcome is not None
    trained, marginal = outcome.metrics["train"]["nll"], outcome.metrics["marginal"]["nll"]
    truth = -restricted(case, rows).log_prob(exact(y)).mean().item()
    assert trained < marginal - (marginal - truth) / 3


def the_mode_is_beaten_nowhere(case: Case, folder: Path) -> None:
    built = build(case)
    draws = inference.sample(built, 500)
    if law(built).claims["mode"].how == "undefined":
        return
    highest = built.log_prob(inference.mode(built).to(draws.dtype))
    known = highest.isfinite()  # where the density is infinite at an end, the end is the mode
    assert bool((highest >= built.log_prob(draws) - 1e-9)[:, known].all())


def quantiles_and_cdf_are_inverse_and_intervals_hold_their_mass(case: Case, folder: Path) -> None:
    rows = resolved_rows(case)
    built = restricted(case, rows)
    if law(built).claims["quantile"].how == "undefined" or len(built.event_shape):
        return
    ranks = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    points = inference.quantile(built, ranks)
    if target_type_of(family(case)).name != "angle":  # whose ranks do not start where its cdf does
        reached, wanted = inference.cdf(built, points), ranks[:, None].expand(25, len(rows))
        assert bool((reached >= wanted - 1e-9).all())
        if not (built.support.is_discrete or law(built).atom):
            torch.testing.assert_close(reached, wanted, atol=1e-8, rtol=0)
    draws = inference.sample(built, 2000)
    for shape in ("central", "highest"):
        lower, upper = inference.interval(built, 0.8, shape)
        inside = torch.where(lower > upper, (draws >= lower) | (draws <= upper), (draws >= lower) & (draws <= upper))
        assert bool((inside.double().mean(0) > 0.8 - 5 * (0.16 / 2000) ** 0.5).all()), shape


def pit_values_are_uniform(case: Case, folder: Path) -> None:
    built = restricted(case, resolved_rows(case))
    if law(built).claims["pit"].how == "undefined":
        return
    pit = inference.pit(built, inference.sample(built, 2000, seed=3).to(case.inside.dtype), seed=4)
    steps = (torch.arange(2000, dtype=torch.float64) + 1) / 2000
    away = (pit.flatten(1).sort(dim=0).values - steps[:, None]).abs().max(0).values
    assert bool((away < 2.2 / 2000**0.5).all())  # Kolmogorov's bound at one in ten thousand


def scores_are_finite_and_the_truth_scores_best(case: Case, folder: Path) -> None:
    _, y, rows = drawn(case, 400)
    own, other = (scores(restricted(case, each), exact(y)) for each in (rows, rows.flip(0)))
    assert "nll" in own and set(own) <= {*target_type_of(family(case)).scores}
    assert all(bool(values.isfinite().all()) for values in own.values())
    for name in {"nll", "crps", "brier", "energy"} & set(own):
        assert own[name].mean() < other[name].mean(), name


def predictions_have_a_column_for_each_point_and_parameter(case: Case, folder: Path) -> None:
    x, y, _ = drawn(case, 20)
    module = LikelihoodModule(nn.Identity(), head_of(case))
    module.head.fit_marginal(y)
    predicted = predict(module, x)
    frame = frame_of(predicted, exact(y))
    assert len(frame) == 20 and "log_prob" in frame
    for name in module.head.family.roles:
        assert any(column == name or column.startswith(f"{name}.") for column in frame), name
    numbers = frame.select_dtypes("number")
    assert bool(np.isfinite(numbers.to_numpy()).all())


def derivatives_of_both_modes_agree(case: Case, folder: Path) -> None:
    names = list(case.parameters)

    def log_prob(*values: Tensor) -> Tensor:
        total: Tensor = family(case).build(dict(zip(names, values, strict=True))).log_prob(case.inside).sum()
        return total

    values = tuple(value.clone() for value in case.parameters.values())
    which = tuple(range(len(names)))
    with warnings.catch_warnings():
        # 2026-11: torch 2.13 itself calls torch.jit.script, which it has deprecated, at the first forward derivative.
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)
        reverse, forward = torch.func.jacrev(log_prob, which)(*values), torch.func.jacfwd(log_prob, which)(*values)
    for ours, theirs in zip(forward, reverse, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


def the_command_trains_it_from_its_yaml(case: Case, folder: Path) -> None:
    """From a folder of configs outside the repository, in a process of its own."""
    (folder / "distribution").mkdir(exist_ok=True)
    spec = read(case.spec) if isinstance(case.spec, str) else dict(case.spec)
    (folder / "distribution" / "mine.yaml").write_text(yaml.safe_dump(spec))
    words = ["--config-dir", str(folder), "distribution=mine", "data.rows=60", "trainer.max_epochs=1", "strategy=cpu"]
    command = [sys.executable, str(ROOT / "train.py"), *words, "report=false", f"hydra.run.dir={folder}/run"]
    environment = {"PYTHONPATH": f"{ROOT / 'plugin'}:{folder}", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["oracle"]["nll"] < metrics["marginal"]["nll"]


#: The checks that are run over every row of the table.
CHECKS: tuple[Check, ...] = (
    log_prob_is_the_reference,
    it_expands,
    samples_lie_in_the_support_around_the_mean,
    gradients_are_finite,
    the_support_takes_what_is_inside_and_refuses_the_rest,
    every_trainable_parameter_of_a_head_gets_a_gradient,
    a_head_is_saved_loaded_and_shown,
    training_starts_at_the_marginal_fit_and_beats_it,
    the_mode_is_beaten_nowhere,
    quantiles_and_cdf_are_inverse_and_intervals_hold_their_mass,
    pit_values_are_uniform,
    scores_are_finite_and_the_truth_scores_best,
    predictions_have_a_column_for_each_point_and_parameter,
    derivatives_of_both_modes_agree,
)
