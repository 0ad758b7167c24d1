"""Why cross-entropy: from the empirical distribution, KL divergence and cross-entropy differ by a constant.

python examples/lecture/why_cross_entropy.py
"""

from __future__ import annotations

import torch
from drawing import BLUE, GREEN, GREY, ORANGE, label, panels, run
from matplotlib.figure import Figure

from likelihead import DistributionHead


def draw(quick: bool) -> tuple[Figure, str]:
    """Cross-entropy, KL divergence and negative log-likelihood against the parameter of a distribution of counts."""
    torch.manual_seed(0)
    y = torch.poisson(torch.full((200,), 3.4, dtype=torch.float64))
    seen, times = y.unique(return_counts=True)
    q = times / len(y)
    entropy = -(q * q.log()).sum()

    head = DistributionHead("poisson", in_features=1).double()
    rates = torch.linspace(1.5, 7.0, 111 if quick else 5501, dtype=torch.float64)
    poisson = head.distribution(rates.log()[:, None])
    cross_entropy = -(q * poisson.expand(torch.Size([len(rates)])).log_prob(seen[:, None]).T).sum(1)
    divergence = (q * (q.log() - poisson.log_prob(seen[:, None]).T)).sum(1)
    nll = -poisson.log_prob(y[:, None]).sum(0)

    figure, ((bars, curves, together),) = panels(3)
    best = rates[nll.argmin()]
    bars.bar(seen.numpy(), q.numpy(), width=0.8, color=ORANGE, alpha=0.7, label="observed, q")
    for rate, colour, style in ((float(best), BLUE, "o-"), (6.0, GREY, "o:")):
        model = head.distribution(torch.tensor([[rate]], dtype=torch.float64).log()).log_prob(seen[:, None]).exp()
        bars.plot(seen, model, style, color=colour, markersize=4, label=f"Poisson, rate {rate:.2f}")
    bars.legend()
    label(bars, "a) data and two models", "y", "probability")
    curves.plot(rates, cross_entropy, color=BLUE, label="cross-entropy")
    curves.plot(rates, divergence, color=GREEN, label="KL divergence")
    curves.axhline(0, color=GREY, linewidth=0.8)
    curves.axvline(best, color=GREY, linestyle=":")
    curves.legend()
    label(curves, "b) they differ by the entropy of q", "rate", "nats")
    together.plot(rates, nll / len(y), color=ORANGE)
    together.plot(rates, cross_entropy, color=BLUE, linestyle=(0, (3, 3)))
    together.axvline(best, color=GREY, linestyle=":")
    label(together, "c) cross-entropy is the mean NLL", "rate", "nats")
    return figure, (
        f"best rate: {best:.3f} by NLL, {rates[divergence.argmin()]:.3f} by KL divergence; mean of y: {y.mean():.3f}\n"
        f"cross-entropy minus KL divergence: {(cross_entropy - divergence).min():.6f} to "
        f"{(cross_entropy - divergence).max():.6f}; entropy of q: {entropy:.6f}\n"
        f"cross-entropy minus mean NLL: at most {(cross_entropy - nll / len(y)).abs().max():.1e}"
    )


if __name__ == "__main__":
    run("why_cross_entropy", draw)
