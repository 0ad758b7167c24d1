"""Simulators of texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyro.distributions as dist
import torch

from likelihead.data.sources.synthetic.simulation import Simulation, tensor

#: What may be said of each thing in a review, with how many units it adds to the log-odds that the review is positive.
OPINIONS = {
    "delicious": 1.6, "tasty": 1.1, "wonderful": 1.8, "friendly": 0.9, "quick": 0.7, "fresh": 0.8,
    "average": -0.3, "slow": -0.9, "cold": -1.2, "bland": -1.1, "rude": -1.7, "awful": -2.0,
}  # fmt: skip
THINGS = ["food", "service", "pizza", "soup", "waiter", "place", "dessert", "staff"]
#: By what a word before an opinion multiplies it.
DEGREES = {"": 1.0, "very": 1.6, "rather": 0.6, "not": -1.0}
#: The grammar of the sentences: the states that may follow each, with their probabilities. The word of a state is what
#: stands before the bar; behind it is what the sentence has said before: one or many (s, p), or that it has a verb (o).
FOLLOWERS: dict[str, dict[str, float]] = {
    "": {"the": 0.6, "a": 0.4},
    "the": {"old": 0.3, "cat": 0.3, "cats": 0.2, "dogs": 0.2},
    "a": {"small": 0.4, "cat": 0.3, "bird": 0.3},
    "old": {"cat": 0.3, "cats": 0.3, "dogs": 0.4},
    "small": {"cat": 0.5, "bird": 0.5},
    "cat": {"near|s": 0.3, "sees": 0.3, "sleeps": 0.4},
    "bird": {"near|s": 0.2, "sees": 0.2, "sleeps": 0.6},
    "cats": {"near|p": 0.3, "see": 0.5, "sleep": 0.2},
    "dogs": {"near|p": 0.4, "see": 0.4, "sleep": 0.2},
    "near|s": {"the|s": 1.0},
    "near|p": {"the|p": 1.0},
    "the|s": {"house|s": 0.7, "garden|s": 0.3},
    "the|p": {"house|p": 0.3, "garden|p": 0.7},
    "house|s": {"sees": 0.5, "sleeps": 0.5},
    "garden|s": {"sees": 0.2, "sleeps": 0.8},
    "house|p": {"see": 0.5, "sleep": 0.5},
    "garden|p": {"see": 0.8, "sleep": 0.2},
    "sees": {"the|o": 0.7, "a|o": 0.3},
    "see": {"the|o": 0.4, "a|o": 0.6},
    "the|o": {"house|o": 0.2, "cat|o": 0.5, "dogs|o": 0.3},
    "a|o": {"house|o": 0.4, "bird|o": 0.6},
    "house|o": {".": 1.0},
    "cat|o": {".": 1.0},
    "dogs|o": {".": 1.0},
    "bird|o": {".": 1.0},
    "sleeps": {"quietly": 0.5, ".": 0.5},
    "sleep": {"quietly": 0.3, ".": 0.7},
    "quietly": {".": 1.0},
}


def reviews(rng: np.random.Generator, rows: int) -> Simulation:
    """Bernoulli: whether a restaurant review is positive, given its text."""
    texts, logits = [], np.zeros(rows)
    opinions, degrees = list(OPINIONS), list(DEGREES)
    for row in range(rows):
        clauses = []
        for thing in rng.choice(THINGS, size=rng.integers(1, 4), replace=False):
            degree, opinion = degrees[rng.integers(len(degrees))], opinions[rng.integers(len(opinions))]
            logits[row] += 1.5 * DEGREES[degree] * OPINIONS[opinion]
            clauses.append(" ".join(filter(None, ["the", str(thing), "was", degree, opinion])))
        texts.append(" and ".join(clauses) + ".")
    inputs: dict[str, Any] = {"review": np.array(texts, dtype=object)}
    return Simulation(inputs, dist.Bernoulli(logits=tensor(logits)), ["positive"], text="review")


def sentences(rng: np.random.Generator, rows: int) -> Simulation:
    """Categorical at every place: the next word of a sentence of a small grammar, given the words before it."""
    words = sorted({_word(state) for followers in FOLLOWERS.values() for state in followers})
    drawn = [_sentence(rng) for _ in range(rows)]
    length = max(map(len, drawn))
    probabilities = np.full((rows, length, len(words)), 1.0 / len(words))
    codes, known = np.zeros((rows, length), dtype=np.int64), np.zeros((rows, length), dtype=bool)
    for row, sentence in enumerate(drawn):
        for place, (state, following) in enumerate(pairwise(sentence)):
            likely = {_word(name): probability for name, probability in FOLLOWERS[state].items()}
            probabilities[row, place] = [likely.get(word, 0.0) for word in words]
            codes[row, place], known[row, place] = words.index(_word(following)), True
    each = dist.Categorical(probs=tensor(probabilities)).mask(torch.from_numpy(known))
    y, texts = torch.from_numpy(codes), [" ".join(map(_word, sentence)) for sentence in drawn]
    inputs: dict[str, Any] = {"sentence": np.array(texts, dtype=object)}
    return Simulation(inputs, each.to_event(1), ["sentence"], observed=lambda _: y, text="sentence")


def _sentence(rng: np.random.Generator) -> list[str]:
    """The states of a sentence, drawn one after another."""
    sentence = [_drawn(rng, FOLLOWERS[""])]
    while sentence[-1] != ".":
        sentence.append(_drawn(rng, FOLLOWERS[sentence[-1]]))
    return sentence


def _drawn(rng: np.random.Generator, followers: dict[str, float]) -> str:
    return str(rng.choice(list(followers), p=list(followers.values())))


def _word(state: str) -> str:
    return state.partition("|")[0]
