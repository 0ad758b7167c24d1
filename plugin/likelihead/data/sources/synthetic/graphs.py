"""Simulators of graphs."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import torch
from numpy.typing import NDArray

from likelihead.data.sources.synthetic.simulation import Simulation, stack, tensor
from likelihead.data.tables.array_column import cells_of

#: The elements with their valences, and how often each is drawn.
ELEMENTS, VALENCES, SHARES = ("C", "N", "O"), np.array([4, 3, 2]), (0.7, 0.15, 0.15)
#: The most atoms of a molecule, hydrogen left out, and the fewest.
MOST, FEWEST = 12, 4
#: By how many kelvin an atom with so many bonds to others raises the boiling and the melting point (Joback & Reid,
#: 1987): CH3, CH2, CH and C; NH2, NH and N; OH and O.
BOILING = np.array([[23.58, 22.88, 21.74, 18.25], [73.23, 50.17, 11.74, 0.0], [92.88, 22.42, 0.0, 0.0]])
MELTING = np.array([[-5.10, 11.27, 12.64, 46.43], [66.89, 52.66, 48.84, 0.0], [44.45, 22.23, 0.0, 0.0]])


def molecule_graphs(rng: np.random.Generator, rows: int) -> Simulation:
    """Multivariate normal: boiling and melting point in kelvin of molecules, given their atoms and bonds.

    The molecules are random trees of C, N and O with single bonds, N and O bonded to C only. Each atom adds what its
    group does; two of N and O at the same C bind one another instead of other molecules, and branches side by side let
    molecules pack well. The errors are correlated.
    """
    boiling, melting, spread = np.full(rows, 198.2), np.full(rows, 122.5), np.zeros(rows)
    cells = np.full((rows, MOST, len(ELEMENTS) + MOST), np.nan)
    for row in range(rows):
        elements, bonds = _molecule(rng, int(rng.integers(FEWEST, MOST + 1)))
        count, degrees = len(elements), bonds.sum(1)
        cells[row, :count] = 0.0
        cells[row, np.arange(count), elements] = 1.0
        cells[row, :count, len(ELEMENTS) : len(ELEMENTS) + count] = bonds
        hetero = bonds @ (elements > 0)
        pairs = (hetero * (hetero - 1) / 2)[elements == 0].sum()
        branched = degrees >= 3
        beside = branched @ bonds @ branched / 2
        boiling[row] += BOILING[elements, degrees - 1].sum() - 30.0 * pairs
        melting[row] += MELTING[elements, degrees - 1].sum() + 25.0 * beside
        spread[row] = 4.0 + 0.5 * count
    scale, factor = tensor(spread), torch.zeros(rows, 2, 2, dtype=torch.float64)
    # The correlation is 0.8.
    factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1] = scale, 1.2 * scale, 0.9 * scale
    truth = dist.MultivariateNormal(stack(boiling, melting), scale_tril=factor)
    return Simulation({"molecule": cells_of(cells)}, truth, ["boiling", "melting"], graph="molecule")


def _molecule(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The elements of `count` atoms (count,), the first a carbon, and their bonds (count, count): a tree."""
    elements = rng.choice(len(ELEMENTS), count, p=SHARES)
    elements[0] = 0
    bonds = np.zeros((count, count), dtype=np.int64)
    for atom in range(1, count):
        free = VALENCES[elements[:atom]] > bonds[:atom, :atom].sum(1)
        # N and O are bonded to carbon only; where no place is left for them, the atom is a carbon.
        open_to = free & ((elements[:atom] == 0) | (elements[atom] == 0))
        elements[atom] = elements[atom] if open_to.any() else 0
        other = rng.choice(np.flatnonzero(open_to if open_to.any() else free))
        bonds[atom, other] = bonds[other, atom] = 1
    return elements, bonds
