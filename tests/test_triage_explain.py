"""Why a ticket has its label: what each part of it adds, on a net whose reasons are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from media_files import encoded, pcm, wav
from PIL.Image import fromarray
from torch import Tensor, nn

from mmcs import roles
from mmcs.attachments import keep
from mmcs.explanation import Explanation
from mmcs.settings import Settings
from mmcs.ticket import Evidence, Line, Message, Picture, Segment, Ticket, Transcript
from mmcs.triage.checkpoint import Checkpoint, Memory, Recipe, load, save
from mmcs.triage.explain import Asked, Explainer, grouped, shapley
from mmcs.triage.features import Scale, Vector
from mmcs.triage.gather import KINDS, Encoders, Span
from mmcs.triage.nets import Batch, Read, Shape, build
from mmcs.triage.parts import grid, spans_of
from mmcs.triage.words import Text, Understood, words_of

WIDTHS = (2, 3 + len(KINDS), 3)
WATCHED = "late"  # the word that the net listens for
LABELS = {"category": ("other", "delivery")}


class Known(nn.Module):
    """Calls a ticket a delivery for the word, for red in its image, for loudness in its sound."""

    def forward(self, batch: Batch) -> Read:
        text, image, audio = batch.parts
        there = batch.present.to(torch.float32)
        score = text[:, 0] * there[:, 0] - 2
        score = score + 5 * (image[:, 0] - image[:, 2]) * there[:, 1]
        score = score + 6 * audio[:, 0] * there[:, 2]
        logs = torch.stack([torch.zeros_like(score), score], dim=1).log_softmax(dim=1)
        return Read({"category": logs}, there, self._hidden(score))

    @staticmethod
    def _hidden(score: Tensor) -> Tensor:
        return torch.stack([torch.ones_like(score), score], dim=1)


class Counts:
    """Embeds a text by how often the watched word is in it."""

    name = "fake"

    def embed(self, texts: Sequence[str]) -> roles.Vectors:
        return np.array([[text.split().count(WATCHED), 0] for text in texts], np.float32)

    def embed_across(self, texts: Sequence[str]) -> roles.Vectors | None:
        return None


class Plain:
    """Encodes an image by its mean colour and a sound by its energy, second by second."""

    name = "plain"

    def encode_image(self, image: roles.Image) -> Vector:
        return np.array(image.mean(axis=(0, 1)) / 255, np.float32)

    def encode_sound(self, sound: roles.Sound) -> Vector:
        return np.array([np.abs(sound).mean(), 0], np.float32)

    def encode_without(
        self, sound: roles.Sound, cuts: Sequence[Sequence[Span]]
    ) -> list[Vector | None]:
        left: list[Vector | None] = []
        for cut in cuts:
            kept = np.ones(len(sound), bool)
            for start, end in cut:
                kept[round(start * 16_000) : round(end * 16_000)] = False
            left.append(self.encode_sound(sound[kept]) if kept.any() else None)
        return left


def known() -> Checkpoint:
    """Return the net, on features as they are."""
    scale = Scale(
        tuple(np.zeros(width, np.float32) for width in WIDTHS),
        tuple(np.ones(width, np.float32) for width in WIDTHS),
    )
    shape = Shape("late", WIDTHS, LABELS, hidden=2)
    recipe = Recipe(shape, "fake v1", {}, {"category": (0.75, 0.25)}, 4, "x", 1)
    likes = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    memory = Memory(likes, ("a", "b", "c"), {"category": ("other", "", "delivery")})
    return Checkpoint(Known().eval(), scale, recipe, memory=memory)


@pytest.fixture
def understood(fake_settings: Settings, tmp_path: Path) -> Understood:
    """A ticket with everything: the watched word is written once and said once, the right half of
    the image is red, the second second of the sound is loud."""
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 40:] = (255, 0, 0)
    loud = np.frombuffer(pcm(1.0), np.int16)
    sound = np.concatenate((loud // 100, loud))
    (tmp_path / "b.png").write_bytes(encoded(fromarray(picture), "PNG"))
    (tmp_path / "a.wav").write_bytes(wav(sound.tobytes()))
    files = (
        keep(tmp_path / "a.wav", "audio", fake_settings),
        keep(tmp_path / "b.png", "image", fake_settings),
    )
    heard = Transcript(
        "en",
        "it is late again",
        (Segment(0.0, 1.0, "it is", 0.9), Segment(1.0, 2.0, "late again", 0.9)),
        "a.wav",
    )
    seen = Picture("b.png", "other", "", (), (Line("Order 7", 0.9, (42, 2, 78, 12)),))
    ticket = Ticket((Message("customer", "My parcel is late", files),))
    return Understood(ticket, Evidence((heard,), (seen,)))


@pytest.fixture
def explained(understood: Understood, fake_settings: Settings) -> Explanation:
    """Why that ticket is a delivery."""
    explainer = Explainer(known(), Encoders(Counts(), Plain(), Plain()), fake_settings)
    return explainer.explain(understood, Asked("category", "delivery"))


def test_players_share_what_they_are_worth_together() -> None:
    """Of a left and two right gloves, worth 1 a pair, the left one gets 2/3, each right one 1/6;
    who adds nothing gets nothing (Shapley's own properties)."""

    def worth(some: frozenset[str]) -> float:
        return float("left" in some and bool({"right", "other right"} & some))

    found = shapley(("left", "right", "other right", "idle"), worth)
    assert found == pytest.approx({"left": 2 / 3, "right": 1 / 6, "other right": 1 / 6, "idle": 0})


def test_channels_sum_to_the_chance(explained: Explanation) -> None:
    """What was written, said and shown add up from the label's share of the training to its
    chance, and each of them speaks for it here."""
    assert explained.nothing == 0.25
    assert [share.channel for share in explained.channels] == ["written", "said", "shown"]
    assert all(share.value > 0 for share in explained.channels)
    total = explained.nothing + sum(share.value for share in explained.channels)
    assert total == pytest.approx(explained.chance, abs=1e-6)


def test_the_word_that_the_net_listens_for_is_named_first(explained: Explanation) -> None:
    """The watched word, written and said, comes before every other; each word knows where it
    stands, and together they are the ticket's words again."""
    first = sorted(explained.words, key=lambda word: -word.value)[:2]
    assert {word.text.strip() for word in first} == {WATCHED}
    assert {(word.kind, word.ref) for word in first} == {
        ("text", "text"),
        ("transcript", "a.wav@1.0"),
    }
    written = "".join(word.text for word in explained.words if word.kind == "text")
    assert written == "My parcel is late"
    shown = [word for word in explained.words if word.kind == "image"]
    assert [word.text.strip() for word in shown] == ["Order", "7"]
    assert {word.ref for word in shown} == {"b.png#0"}


def test_the_red_half_of_the_image_speaks_for_it(explained: Explanation) -> None:
    """Covering what is red makes the label less likely, covering what is black does not; the
    regions fill the image."""
    right = [region.value for region in explained.regions if region.box[0] >= 40]
    left = [region.value for region in explained.regions if region.box[2] <= 40]
    assert len(right) > 2 and len(left) > 2
    assert min(right) > max(left)
    area = sum((r.box[2] - r.box[0]) * (r.box[3] - r.box[1]) for r in explained.regions)
    assert area == pytest.approx(80 * 40)


def test_the_loud_second_speaks_for_it(explained: Explanation) -> None:
    """Cutting out the loud second, in which the watched word is said, costs more than the other."""
    quiet, loud = explained.stretches
    assert (quiet.start, quiet.end, loud.start, loud.end) == (0.0, 1.0, 1.0, 2.0)
    assert loud.value > 0.01 > quiet.value


def test_the_most_alike_tickets_of_the_training_are_told(explained: Explanation) -> None:
    """Nearest first, and none that has no label in this question."""
    assert [near.label for near in explained.neighbours] in (
        ["delivery", "other"],
        ["other", "delivery"],
    )
    likeness = [near.likeness for near in explained.neighbours]
    assert likeness == sorted(likeness, reverse=True)


def test_a_covered_region_takes_its_words_along(
    understood: Understood, fake_settings: Settings
) -> None:
    """What stands under the cover is not read any more."""
    from mmcs.triage.parts import Parts

    ticket = Parts(understood, Encoders(Counts(), Plain(), Plain()), fake_settings)
    over = [r for r in ticket.regions() if r.box[0] <= 60 < r.box[2] and r.box[1] <= 7 < r.box[3]]
    assert "Order 7" in ticket.covered("b.png").words
    assert "Order" not in ticket.covered("b.png", over).words


def test_without_anything_the_training_decides(fake_settings: Settings) -> None:
    """A ticket that has one word and nothing else: without it, the label's share of the training is
    all there is."""
    explainer = Explainer(known(), Encoders(Counts()), fake_settings)
    one = Understood(Ticket((Message("customer", WATCHED),)), Evidence())
    found = explainer.explain(one, Asked("category", "delivery"))
    assert found.words[0].value == pytest.approx(found.chance - 0.25)
    assert [share.channel for share in found.channels] == ["written"]
    assert not found.regions and not found.stretches


def test_chinese_is_left_out_clause_by_clause() -> None:
    """Chinese has no spaces; a clause with its mark is one word, and no character is lost."""
    text = "你好，我的包裹还没有到。E04 错误！"
    ticket = Understood(Ticket((Message("customer", text),)), Evidence())
    tokens = Text.of(ticket).tokens
    assert [token.text.strip() for token in tokens] == [
        "你好，",
        "我的包裹还没有到。",
        "E04",
        "错误！",
    ]
    assert words_of(ticket) == text
    assert Text.of(ticket).without({1}) == "你好，E04 错误！"


def test_words_are_taken_together_where_there_are_many() -> None:
    """At most so many groups a source, and none that spans two sources."""
    long = Understood(
        Ticket((Message("customer", "word " * 200),)),
        Evidence((Transcript("en", "said so", (Segment(0.0, 1.0, "said so", 0.9),), "a.wav"),)),
    )
    tokens = Text.of(long).tokens
    groups = grouped(tokens, 40)
    assert [at for group in groups for at in group] == list(range(202))
    assert len(groups) <= 42
    assert all(len({tokens[at].ref for at in group}) == 1 for group in groups)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (40, 80), (900, 30), (3000, 4000)])
def test_a_grid_fills_its_image(height: int, width: int) -> None:
    """Whatever the shape: no gap, no overlap, not too many."""
    boxes = grid((height, width), 24)
    assert 1 <= len(boxes) <= 24
    assert sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes) == pytest.approx(height * width)


def test_stretches_are_no_shorter_than_a_second() -> None:
    """A short note is one, a long one no more than the most."""
    assert spans_of(0.4, 16) == [(0.0, 0.4)]
    assert len(spans_of(8.5, 16)) == 8
    assert len(spans_of(600.0, 16)) == 16
    assert spans_of(600.0, 16)[-1][1] == 600.0


def test_what_a_net_remembers_can_be_read_again(tmp_path: Path) -> None:
    """Texts and labels are the same, the numbers nearly: they are kept in half precision."""
    plain = known()
    torch.manual_seed(1)
    net = build(plain.recipe.shape).eval()
    save(replace(plain, net=net), tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors").memory
    assert again is not None and plain.memory is not None
    assert (again.texts, again.labels) == (plain.memory.texts, plain.memory.labels)
    np.testing.assert_allclose(again.hidden, plain.memory.hidden, atol=1e-3)
