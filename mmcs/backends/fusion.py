"""Triage by the net that was trained on this domain's tickets: the desk's own, or the shipped one
(assets/weights/triage.safetensors).

A question whose labels are not the domain's, and all without such a file, is decided by the
examples of the domain, as in ``similarity``. The model's name says which of them it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from mmcs.backends._encoders import encoders
from mmcs.backends._languages import Languages, spoken_words
from mmcs.domain import Domain, domain_of
from mmcs.errors import ModelUnavailable
from mmcs.explanation import Explanation
from mmcs.roles import Triager, load
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Message, Question, Ticket, Triage, Verdict
from mmcs.triage.checkpoint import Checkpoint
from mmcs.triage.checkpoint import load as load_checkpoint
from mmcs.triage.explain import Asked, Explainer
from mmcs.triage.features import MODALITIES, Features, Table
from mmcs.triage.gather import Encoders, gather
from mmcs.triage.judge import SCOPE, Judged, judge
from mmcs.triage.labelled import SCOPED
from mmcs.triage.shelf import current
from mmcs.triage.words import Understood

EMBEDDER = "bilingual"  # whose features the shipped net has learned
QUESTIONS: tuple[Question, ...] = get_args(Question)
OUTSIDE = 0.5  # chance of "none of these" from which a ticket is filed under the last category


class FusionTriager:
    """Files tickets by a trained net; what it never learned, by likeness to examples."""

    def __init__(
        self, checkpoint: Checkpoint, made: Encoders, fallback: Triager, settings: Settings
    ) -> None:
        """Take a net, the models that make its features, and who decides what it never learned."""
        self._checkpoint = checkpoint
        self._encoders = made
        self._fallback = fallback
        self._settings = settings
        self._languages = Languages()
        domain = domain_of(settings)
        self._last = domain.categories[-1].label
        self._questions = fitting(checkpoint, domain)
        lacking = [question for question in QUESTIONS if question not in self._questions]
        self.name = checkpoint.name
        if lacking:
            self.name += f"; {' and '.join(lacking)} by {fallback.name}"

    def triage(self, ticket: Ticket, evidence: Evidence) -> Triage:
        """Return the verdicts on what was written, said and shown."""
        features = gather(Understood(ticket, evidence), self._encoders, self._settings)
        found = self._verdicts(self._judged(features))
        if all(question in found for question in QUESTIONS):
            language = self._languages.of(spoken_words(ticket, evidence), evidence)
            category, urgency, sentiment = (found[question] for question in QUESTIONS)
            return Triage(category, urgency, sentiment, language, self.name)
        plain = self._fallback.triage(ticket, evidence)
        return Triage(
            category=found.get(SCOPED, plain.category),
            urgency=found.get("urgency", plain.urgency),
            sentiment=found.get("sentiment", plain.sentiment),
            language=plain.language,
            engine=self.name if found else plain.engine,
        )

    def explain(self, ticket: Ticket, evidence: Evidence, question: str) -> Explanation:
        """Return why a ticket has its label in one question.

        Raises:
            ModelUnavailable: the net has not learned the question, or the ticket has nothing that
                it reads.
        """
        understood = Understood(ticket, evidence)
        judged = self._judged(gather(understood, self._encoders, self._settings))
        if judged is None or question not in self._questions:
            raise ModelUnavailable(f"{question.capitalize()} was not decided by the trained net.")
        label, outside = judged.best(question)[0], False
        if question == SCOPED and self._lies_outside(judged):
            outside, label = True, self._last
        explainer = Explainer(self._checkpoint, self._encoders, self._settings)
        found = explainer.explain(understood, Asked(question, label, outside))
        if SCOPED not in self._questions:  # the tickets that it learned from are another shop's
            found = replace(found, neighbours=())
        return found

    def _judged(self, features: Features) -> Judged | None:
        """Return what the net says of a ticket; None of one of which it reads nothing."""
        table = Table.of([features])
        if not table.widened(self._checkpoint.recipe.shape.widths).present.any():
            return None
        return judge(self._checkpoint, table)

    def _lies_outside(self, judged: Judged) -> bool:
        scoped = SCOPE in self._checkpoint.recipe.shape.labels
        return scoped and float(judged.outside[0]) >= OUTSIDE

    def _verdicts(self, judged: Judged | None) -> Mapping[str, Verdict]:
        """Return the net's verdict on each question."""
        if judged is None:
            return {}
        found = {
            question: Verdict(judged.best(question)[0], round(float(chances.max()), 3))
            for question, chances in judged.chances.items()
            if question in self._questions
        }
        if SCOPED in found and self._lies_outside(judged):
            found[SCOPED] = Verdict(self._last, round(float(judged.outside[0]), 3))
        return found


def fitting(checkpoint: Checkpoint, domain: Domain) -> frozenset[str]:
    """Return the questions that a net may decide for a domain. In urgency and sentiment it knows no
    other labels than the domain's; in category it knows them all, but for the last one, where
    tickets go that belong to none."""
    labels = {question: set(names) for question, names in checkpoint.recipe.shape.labels.items()}
    known = {
        SCOPED: {category.label for category in domain.categories},
        "urgency": {level.label for level in domain.urgency},
        "sentiment": {level.label for level in domain.sentiment},
    }
    own = {question for question in known.keys() & labels if labels[question] <= known[question]}
    last = {domain.categories[-1].label}
    if SCOPED in own and not known[SCOPED] - labels[SCOPED] <= last:
        own.discard(SCOPED)
    return frozenset(own)


def triager(settings: Settings) -> Triager:
    """Load the net and the models whose features it reads, and warm them up; the similarity to the
    domain's examples where there is no net for these models, or none of its labels is the domain's.

    Raises:
        ModelUnavailable: the net's file, or the weights of a model that it needs, cannot be had.
    """
    similar: Triager = load("triager", "similarity", settings)
    file = current(settings)
    if not file.is_file():
        return similar
    checkpoint = load_checkpoint(file)
    if not fitting(checkpoint, domain_of(settings)):
        return similar
    return by_net(checkpoint, similar, settings)


def by_net(checkpoint: Checkpoint, fallback: Triager, settings: Settings) -> Triager:
    """Return a triager by a net, warmed up; ``fallback`` itself if the desk's embedder is another
    than the one whose features the net has learned.

    Raises:
        ModelUnavailable: the weights of a model that it needs cannot be had.
    """
    embedder = EMBEDDER if settings.embedder == "auto" else settings.embedder
    if Encoders(load("embedder", embedder, settings)).text_name != checkpoint.recipe.encoders:
        return fallback
    widths = zip(MODALITIES, checkpoint.recipe.shape.widths, strict=True)
    learned = [modality for modality, width in widths if width]
    made = encoders(settings, learned, embedder)
    model = FusionTriager(checkpoint, made, fallback, settings)
    model.triage(Ticket((Message("customer", "warm up"),)), Evidence())
    return model
