"""What a report is about: a model, and some rows with known answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64
from likelihead.heads.sites import by_row, by_site, log_prob, row_weights
from likelihead.report.answers import Answer, AnyColumns, answers_of, outputs_of
from likelihead.report.inputs import Input, inputs_of
from likelihead.target_types.target_type import TargetColumns

#: The most rows that figures are drawn from.
ROWS = 2000


@dataclass(frozen=True)
class Subject:
    """A model in float64 on the CPU, and rows of one part of the data.

    Attributes:
        model: the module.
        batch: some rows, chosen at random with a fixed seed.
        columns: the target columns.
        encoder: the encoder of the table; None if the data did not come from one.
    """

    model: Any
    batch: Batch
    columns: AnyColumns
    encoder: TableEncoder | None = None

    @classmethod
    def of(cls, model: nn.Module, data: Dataset | Iterable[Any], seed: int = 0) -> Subject:
        """A model and at most `ROWS` rows of a data set, or the first of a loader.

        Raises:
            LikelihoodError: there are no rows, or they have no targets.
        """
        batch = Batch(*map(as_float64, _some_rows(data, seed)))
        if batch.y is None:
            raise LikelihoodError("these rows have no targets, so there is nothing to report on")
        table = getattr(model, "extra", {}).get("table")
        encoder = None if table is None else TableEncoder.from_state(table)
        columns: AnyColumns = TargetColumns(["y"]) if encoder is None else encoder.target.columns
        return cls(in_float64(model).requires_grad_(False), batch, columns, encoder)

    @property
    def target_names(self) -> list[str]:
        """The names of the targets."""
        return list(self.columns) if isinstance(self.columns, dict) else self.columns.names

    @torch.no_grad()
    def predict(self, x: Any, rows: slice | Tensor = slice(None)) -> Any:
        """The predicted distributions at other inputs x (m, …), with the exposure of `rows` (m,)."""
        exposure = None if self.batch.exposure is None else self.batch.exposure[rows]
        return by_row(self.model(x, exposure))

    @cached_property
    def predicted(self) -> Any:
        """The predicted distribution of each row."""
        return self.predict(self.batch.x)

    @cached_property
    @torch.no_grad()
    def marginal(self) -> Any:
        """The marginal fit, for each row and site."""
        inner = self.model.head.marginal(1).event_shape
        y: Tensor = self.batch.y  # type: ignore[assignment]
        return self.model.head.marginal(y.shape[: y.dim() - len(inner)], self.batch.exposure)

    def log_likelihood(self, dist: Any, rows: slice | Tensor = slice(None)) -> Tensor:
        """The log-probability of what is known about the targets of `rows`, (m,); 0 where that is nothing."""
        y, mask, bounds, truncation = (
            None if part is None else part[rows]
            for part in (self.batch.y, self.batch.mask, self.batch.bounds, self.batch.truncation)
        )
        return log_prob(dist, y, mask=mask, bounds=bounds, truncation=truncation)  # type: ignore[arg-type]

    @cached_property
    def known(self) -> Tensor:
        """Whether anything is known about the target of a row, (n,)."""
        shape = by_site(self.predicted).batch_shape
        return row_weights(shape, None, self.batch.mask) > 0

    @cached_property
    def judged(self) -> list[Answer]:
        """The answers of all rows, those with censored targets included, coordinates of vectors one by one."""
        answers = answers_of(self.predicted, self.marginal, self.batch, self.columns)
        parts = [part for answer in answers for part in answer.coordinates()]
        calibration = self.model.calibration
        if calibration is None:
            return parts
        return [replace(part, calibration=calibration.of_target(number)) for number, part in enumerate(parts)]

    @cached_property
    def parts(self) -> list[Answer]:
        """Those of `judged` in the rows whose target was observed; rankings stay whole."""
        return [part.observed() for part in self.judged]

    @cached_property
    def answers(self) -> list[Answer]:
        """The answers as a whole in the rows whose target was observed: usually one."""
        answers = answers_of(self.predicted, self.marginal, self.batch, self.columns)
        return [answer.observed() for answer in answers]

    @cached_property
    def inputs(self) -> list[Input]:
        """The inputs whose effects can be told apart."""
        sites = by_site(self.predicted).batch_shape
        return inputs_of(self.batch.x, self.encoder) if outputs_of(sites, self.columns) else []


def _some_rows(data: Dataset | Iterable[Any], seed: int) -> Batch:
    if isinstance(data, Dataset) and not isinstance(data, list | tuple):
        chosen = np.random.default_rng(seed).permutation(len(data))[:ROWS]
        if not len(chosen):
            raise LikelihoodError("there are no rows to report on")
        return Batch.of(data[torch.from_numpy(np.sort(chosen))])
    found: list[Batch] = []
    for batch in batches(data):
        found.append(batch)
        if not isinstance(batch.x, Tensor) or sum(len(part.x) for part in found) >= ROWS:
            break
    if not found:
        raise LikelihoodError("there are no rows to report on")
    if len(found) == 1:
        return found[0]
    return Batch.combined(found, torch.cat).map(lambda values: values[:ROWS])
