"""Triage without training: a ticket is filed under the label whose examples it is most like.

Likeness is the cosine of embeddings, for English, and of TF-IDF over runs of one to three
characters (scikit-learn) for every language; a softmax over the labels gives the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from mmcs.backends._languages import Languages, spoken_words
from mmcs.domain import Category, Level, domain_of
from mmcs.roles import Embedder, load
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Ticket, Triage, Verdict

NEAREST = 3  # examples of a label that speak for it
SHARPNESS = 14.0  # of the softmax over likeness
WEIGHT_OF_MEANING = 0.6  # of the embedding's likeness beside that of the characters, in English


@dataclass(frozen=True)
class Likeness:
    """How a text comes near to the examples of each label of one question."""

    labels: tuple[str, ...]
    owner: NDArray[np.intp]  # (examples,) the place of each example's label
    vectors: NDArray[np.float32]  # (examples, dimensions)
    characters: TfidfVectorizer
    weighed: NDArray[np.float64]  # (features, examples), sparse

    @classmethod
    def of(cls, levels: Sequence[Category | Level], embedder: Embedder) -> Likeness:
        """Return the likeness to these labels' examples, in all languages. A label without any is
        never the likeliest, unless it is the only one."""
        told = [level for level in levels if _examples(level)]
        levels = told or levels[:1]
        owned = [
            (place, text)
            for place, level in enumerate(levels)
            for text in _examples(level) or [level.label]
        ]
        texts = [text for _, text in owned]
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
        return cls(
            tuple(level.label for level in levels),
            np.array([place for place, _ in owned]),
            embedder.embed(texts),
            characters,
            characters.fit_transform(texts).T,
        )

    def verdict(self, text: str, vector: NDArray[np.float32], english: bool) -> Verdict:
        """Return the likeliest label, with its share of the softmax."""
        by_characters = (self.characters.transform([text]) @ self.weighed).toarray()[0]
        by_meaning = self.vectors @ vector
        weight = WEIGHT_OF_MEANING if english else 0.0
        likeness = weight * by_meaning + (1 - weight) * by_characters
        nearest = [
            np.sort(likeness[self.owner == place])[-NEAREST:].mean()
            for place in range(len(self.labels))
        ]
        odds = np.exp(SHARPNESS * (np.array(nearest) - max(nearest)))
        best = int(odds.argmax())
        return Verdict(self.labels[best], round(float(odds[best] / odds.sum()), 3))


def _examples(level: Category | Level) -> list[str]:
    return [text for texts in level.examples.values() for text in texts]


class SimilarityTriager:
    """Files tickets by the examples of the domain."""

    name = "similarity to examples"

    def __init__(self, settings: Settings) -> None:
        domain = domain_of(settings)
        name = "minilm" if settings.embedder == "auto" else settings.embedder
        self._embedder: Embedder = load("embedder", name, settings)
        self._category = Likeness.of(domain.categories, self._embedder)
        self._urgency = Likeness.of(domain.urgency, self._embedder)
        self._sentiment = Likeness.of(domain.sentiment, self._embedder)
        self._languages = Languages()

    def triage(self, ticket: Ticket, evidence: Evidence) -> Triage:
        """Return the verdicts on what was written, said and, if nothing else, shown."""
        words = spoken_words(ticket, evidence)
        language = self._languages.of(words, evidence)
        english = language.label != "zh"
        vector = self._embedder.embed([words])[0]
        return Triage(
            category=self._category.verdict(words, vector, english),
            urgency=self._urgency.verdict(words, vector, english),
            sentiment=self._sentiment.verdict(words, vector, english),
            language=language,
            engine=self.name,
        )


def triager(settings: Settings) -> SimilarityTriager:
    """Return a triager for the domain's own labels."""
    return SimilarityTriager(settings)
