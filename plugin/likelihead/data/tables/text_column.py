"""The encoder of an input column of text: its words as codes, in their order."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from likelihead.data.tables.numeric_column import Block, Term
from likelihead.errors import LikelihoodError

log = logging.getLogger("likelihead.data")

#: The codes of what is no word: the places after the end of a text, and words that are not in the vocabulary.
PADDING, UNKNOWN = 0, 1
#: Words, with their apostrophes, and marks of punctuation.
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def words_of(text: object) -> list[str]:
    """The words and punctuation marks of a text, in lower case; none of an empty cell.

    >>> words_of("Don't wait: it's GREAT!")
    ["don't", 'wait', ':', "it's", 'great', '!']
    """
    return WORD.findall(text.lower()) if isinstance(text, str) else []


@dataclass(frozen=True)
class TextColumn:
    """A column of text: a column of x for each place, with the code of the word there.

    Code 0 fills the places after the end, 1 stands for a word that is not in the vocabulary, and 2 for its first word.

    Attributes:
        name: the column of the table.
        words: the vocabulary: the most frequent words of the training rows, the most frequent first.
        length: the number of places: the words of the longest training text, or fewer. Longer texts are cut there.
    """

    name: str
    words: list[str]
    length: int

    @classmethod
    def fit(cls, series: pd.Series, max_words: int, max_length: int) -> TextColumn:
        """Take the vocabulary and the length from the training cells.

        Raises:
            LikelihoodError: no cell holds a word.
        """
        texts = [words_of(cell) for cell in series]
        counts = Counter(word for text in texts for word in text)
        if not counts:
            raise LikelihoodError(f"text column {str(series.name)!r} holds no words in the training rows")
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:max_words]
        return cls(str(series.name), frequent, min(max_length, max(map(len, texts))))

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each word."""
        return {word: code for code, word in enumerate(self.words, start=UNKNOWN + 1)}

    @property
    def names(self) -> list[str]:
        return [f"{self.name}.{place + 1}" for place in range(self.length)]

    @property
    def terms(self) -> list[Term]:
        """The columns of x."""
        return [Term(name) for name in self.names]

    def cut(self, series: pd.Series) -> list[list[str]]:
        """The words of each cell (n,), as many as there are places."""
        return [words_of(cell)[: self.length] for cell in series]

    def encode(self, series: pd.Series, ignore_unseen: bool) -> Block:
        block = np.full((len(series), self.length), PADDING, dtype=np.float32)
        for row, text in enumerate(self.cut(series)):
            block[row, : len(text)] = [self.codes.get(word, UNKNOWN) for word in text]
        unknown, known = int((block == UNKNOWN).sum()), int((block != PADDING).sum())
        if unknown:
            log.info("text column %r: %d of %d words are not in the vocabulary", self.name, unknown, known)
        return block

    def shaped(self, x: Tensor) -> Tensor:
        """The columns of x as codes (n, length), int64."""
        return x.long()

    def texts(self, x: Tensor) -> list[str]:
        """The texts that rows of x (n, length) stand for, `?` for unknown words."""
        names: Sequence[str] = ["", "?", *self.words]
        return [" ".join(names[int(code)] for code in row if int(code) != PADDING) for row in x.tolist()]

    def state(self) -> dict[str, Any]:
        return {"type": "text", **asdict(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TextColumn:
        return cls(**{key: value for key, value in state.items() if key != "type"})
