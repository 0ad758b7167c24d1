"""A DistributionHead in your own Lightning code: no Hydra, no LikelihoodModule, three lines of likelihead.

python examples/own_lightning_code.py
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from likelihead import DistributionHead
from likelihead.inference import interval, mode


class Bikes(pl.LightningModule):
    """An ordinary LightningModule with a DistributionHead as its last layer."""

    def __init__(self, y: Tensor) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 32), nn.Tanh())
        self.head = DistributionHead("negative_binomial", in_features=32)
        self.head.fit_marginal(y)  # start at the best model without inputs

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        x, y = batch
        return -self.head(self.network(x)).log_prob(y).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def main() -> None:
    pl.seed_everything(0, verbose=False)
    x = torch.rand(2000, 2)
    rate = torch.exp(1.0 + 3.0 * x[:, 0] * x[:, 1])
    y = torch.poisson(rate * torch.distributions.Gamma(4.0, 4.0).sample((2000,)))
    module = Bikes(y)
    trainer = pl.Trainer(max_epochs=30, accelerator="cpu", logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True))
    with torch.no_grad():
        dist = module.head(module.network(torch.tensor([[0.1, 0.1], [0.9, 0.9]])))
    low, high = interval(dist, 0.9)
    for row in range(2):
        print(f"most probable count {mode(dist)[row]:.0f}, 90 % interval {low[row]:.0f} to {high[row]:.0f}")


if __name__ == "__main__":
    main()
