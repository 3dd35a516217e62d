"""One contract for everything that reads two texts side by side, as a Ranker and as a Verifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from mmcs import roles
from mmcs.backends.cross_encoder import label_of_yes
from mmcs.errors import ModelUnavailable
from mmcs.models import chosen_backends
from mmcs.roles import Ranker, Verifier
from mmcs.settings import Settings

WORDS = "refunds take five days we refund your order what time does a parcel come . ?".split()
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 64,
    "max_position_embeddings": 130,
    "pad_token_id": 0,
    "initializer_range": 0.5,  # so that every word counts
}
NLI = {0: "contradiction", 1: "entailment", 2: "neutral"}
MADE: dict[str, Callable[[], PreTrainedModel]] = {
    "ms-marco": lambda: BertForSequenceClassification(BertConfig(num_labels=1, **SMALL)),
    "bge-reranker": lambda: XLMRobertaForSequenceClassification(
        XLMRobertaConfig(num_labels=1, **SMALL)
    ),
    "nli-deberta": lambda: DebertaV2ForSequenceClassification(
        DebertaV2Config(id2label=NLI, label2id={n: k for k, n in NLI.items()}, **SMALL)
    ),
    "mini-check": lambda: BertForSequenceClassification(BertConfig(num_labels=2, **SMALL)),
}


def folder_of(name: str, into: Path) -> Path:
    """Write a tiny model of random numbers as the hub has it."""
    torch.manual_seed(3)
    MADE[name]().save_pretrained(into)
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        sep_token="[SEP]",
        model_max_length=128,
    ).save_pretrained(into)
    return into


@pytest.fixture(params=["fake", "mpnet", *MADE])
def both(
    request: pytest.FixtureRequest, real_settings: Settings, tmp_path: Path
) -> tuple[Ranker, Verifier]:
    """A Ranker and a Verifier of each backend."""
    name: str = request.param
    if name in MADE:
        folder = str(folder_of(name, tmp_path / name))
        real_settings = replace(real_settings, ranker=folder, verifier=folder)
        assert chosen_backends(real_settings)["ranker"] == "cross_encoder"
        name = "cross_encoder"
    return roles.load("ranker", name, real_settings), roles.load("verifier", name, real_settings)


def test_each_pair_has_a_chance_of_its_own(both: tuple[Ranker, Verifier]) -> None:
    """As many chances as pairs, in 0-1, the same whatever is asked beside them, none of nothing."""
    ranker, verifier = both
    passages = ["Refunds\nRefunds take five days.", "Parcels\nA parcel comes at five.", "x " * 900]
    read = ranker.rank("What time does a parcel come?", passages)
    assert len(read) == 3
    assert all(0 <= one.answers <= 1 and -1 <= one.likeness <= 1.001 for one in read)
    alone = ranker.rank("What time does a parcel come?", passages[1:2])[0]
    assert alone.answers == pytest.approx(read[1].answers, abs=0.02)
    claims = ["We refund your order.", "Refunds take five days."]
    chances = verifier.verify(claims, passages[:2])
    assert chances.shape == (2,)
    assert ((chances >= 0) & (chances <= 1)).all()
    np.testing.assert_allclose(verifier.verify(claims[:1], passages[:1]), chances[:1], atol=0.02)
    assert ranker.rank("Why?", []) == ()
    assert verifier.verify([], []).shape == (0,)
    assert len(ranker.rank("", ["", "Parcels"])) == 2


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        (NLI, 1),
        ({0: "entailment", 1: "not_entailment"}, 0),
        ({0: "LABEL_0", 1: "LABEL_1"}, 1),
        ({0: "LABEL_0"}, 0),
    ],
)
def test_the_label_that_means_yes_is_found(labels: dict[int, str], place: int) -> None:
    """By its name, or by its place where there are two at most."""
    assert label_of_yes(PretrainedConfig(id2label=labels)) == place


def test_labels_that_do_not_tell_are_refused(real_settings: Settings, tmp_path: Path) -> None:
    """A model that files texts under three subjects is no cross-encoder of ours."""
    folder = folder_of("nli-deberta", tmp_path / "subjects")
    told = json.loads((folder / "config.json").read_text("utf-8"))
    told["id2label"] = {"0": "sport", "1": "politics", "2": "weather"}
    told["label2id"] = {"sport": 0, "politics": 1, "weather": 2}
    (folder / "config.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(ModelUnavailable, match="could not be loaded as a cross-encoder"):
        roles.load("verifier", "cross_encoder", replace(real_settings, verifier=str(folder)))


def test_a_model_that_is_nowhere_is_named(real_settings: Settings) -> None:
    """Offline, a name of the hub is one sentence."""
    settings = replace(real_settings, verifier="maker/checker", offline=True)
    with pytest.raises(ModelUnavailable, match="maker/checker"):
        roles.load("verifier", "cross_encoder", settings)


@pytest.mark.parametrize(
    ("source", "says", "not_says"),
    [
        (
            "We refund your order to the original payment method within five working days.",
            "The money goes back to the way you paid.",
            "The money goes back as store credit.",
        ),
        (
            "The battery is covered for one year, the charger is not covered.",
            "There is a year of warranty on the battery.",
            "There is a year of warranty on the charger.",
        ),
    ],
)
def test_what_ships_reads(real_verifier: Verifier, source: str, says: str, not_says: str) -> None:
    """Other words for the same are likelier than the same words for something else."""
    right, wrong = real_verifier.verify([says, not_says], [source, source])
    assert right > wrong
