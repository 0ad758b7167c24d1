"""The splits of a data set as the loaders that a Trainer asks for."""

from __future__ import annotations

import pytorch_lightning as pl

from likelihead.data import Data, Split, TensorLoader


class Loader(TensorLoader):
    """A loader that Lightning can look at: it asks whatever has a sampler for a batch sampler too."""

    batch_sampler = None

    def place(self, step: int) -> tuple[int, int]:
        """Where this process's rows start within the global batch of a step, and how many rows that batch has."""
        start = step * self.global_batch
        rows = min(self.global_batch, len(self.split) - start)
        return rows * self.rank // self.world_size, rows


class Loaders(pl.LightningDataModule):
    """Loaders over the training and validation rows, made once the process knows its rank."""

    def __init__(self, data: Data, batch_size: int | None, seed: int) -> None:
        super().__init__()
        self.data, self.batch_size, self.seed = data, batch_size, seed

    def train_dataloader(self) -> Loader:
        return self._loader(self.data.train, shuffle=True)

    def val_dataloader(self) -> Loader | list[Loader]:
        return self._loader(self.data.validation, shuffle=False) if len(self.data.validation) else []

    def _loader(self, split: Split, shuffle: bool) -> Loader:
        return Loader(
            split,
            self.batch_size,
            shuffle=shuffle and self.batch_size is not None,
            seed=self.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
