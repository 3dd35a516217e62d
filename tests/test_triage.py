"""The fusion nets and what they stand on: masks, scales, kept vectors, training, the backend."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from media_files import corners, encoded, pcm, wav
from torch import Tensor

from mmcs import roles
from mmcs.attachments import keep
from mmcs.backends._encoders import encoders, manner
from mmcs.backends._whisper_common import Stretch
from mmcs.backends.fake import FakeEmbedder, FakeTriager
from mmcs.backends.fusion import by_net, fitting
from mmcs.domain import open_domain
from mmcs.errors import ModelUnavailable, UsageError
from mmcs.kept import FILE, Kept, text_key
from mmcs.settings import ASSETS, Settings
from mmcs.ticket import Attachment, Evidence, Line, Message, Picture, Segment, Ticket, Transcript
from mmcs.training.triage_calibrate import (
    Examples,
    log_probabilities,
    outside_scale,
    temperatures,
    weigh,
)
from mmcs.training.triage_data import UNLABELLED, heads_of, split, targets_of
from mmcs.training.triage_fit import Options, dropped, fit, label_weights, loss_of, macro_f1
from mmcs.training.triage_state import Epoch
from mmcs.triage.checkpoint import Checkpoint, Plain, Recipe, load, save
from mmcs.triage.features import MODALITIES, SUBSETS, Features, Modality, Scale, Table, Vector
from mmcs.triage.gather import (
    KINDS,
    Encoders,
    Span,
    embedded,
    gather,
    speaking_rate,
)
from mmcs.triage.judge import INSIDE, OUTSIDE, SCOPE, judge
from mmcs.triage.labelled import LabelledTicket, questions_of, read_folder, read_tickets
from mmcs.triage.nets import FUSIONS, Batch, Fusion, Late, Shape, build, read
from mmcs.triage.words import Understood, words_of

WIDTHS = (6, 5, 4)
LABELS = {"category": ("a", "b", "c"), SCOPE: (INSIDE, OUTSIDE)}
QUICK = Options(epochs=12, batch=32, learning_rate=1e-2)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Nets as small as these are slower with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(tickets: int, seed: int = 1) -> Table:
    """Return random features; some tickets lack one or two modalities, none lacks all."""
    chance = np.random.default_rng(seed)
    parts = [chance.normal(size=(tickets, width)).astype(np.float32) for width in WIDTHS]
    present = chance.random((tickets, 3)) < 0.7
    present[~present.any(axis=1), 0] = True
    return Table(parts[0], parts[1], parts[2], present)


def lesson(tickets: int, seed: int) -> Examples:
    """Return tickets of which every modality tells the category, and the audio if it is foreign."""
    table, chance = drawn(tickets, seed), np.random.default_rng(seed + 100)
    category = chance.integers(3, size=tickets)
    outside = chance.random(tickets) < 0.2
    for place, modality in enumerate(MODALITIES):
        table.of_modality(modality)[:, :3] += 4 * np.eye(3, dtype=np.float32)[category]
        table.of_modality(modality)[outside] -= 4
        table.of_modality(modality)[~table.present[:, place]] = 0
    known = np.where(outside, UNLABELLED, category)
    return Examples(table, {"category": known, SCOPE: outside.astype(np.int64)})


def trained(
    fusion: Fusion, folder: Path, seen: Callable[[Epoch], object] = lambda epoch: None
) -> torch.nn.Module:
    """Return a small net, trained."""
    shape = Shape(fusion, WIDTHS, LABELS, hidden=16)
    return fit(shape, lesson(200, 1), lesson(90, 2), folder / "state.st", seen, QUICK)[0]


def recipe(fusion: Fusion = "early", widths: tuple[int, ...] = WIDTHS) -> Recipe:
    shape = Shape(fusion, widths, {"category": ("a", "b", "c")}, hidden=16)
    return Recipe(shape, "fake v1", {"category": 1.5}, {"category": (0.5, 0.3, 0.2)}, 9, "x", 3)


def checkpoint(fusion: Fusion = "early", widths: tuple[int, ...] = WIDTHS) -> Checkpoint:
    """Return an untrained net whose scale changes nothing."""
    made = recipe(fusion, widths)
    scale = Scale(
        tuple(np.zeros(width, np.float32) for width in widths),
        tuple(np.ones(width, np.float32) for width in widths),
    )
    plain = Plain(np.ones((3, 2), np.float32), np.zeros(3, np.float32))
    torch.manual_seed(1)
    return Checkpoint(build(made.shape).eval(), scale, made, {"category": plain})


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_is_masked_is_not_read(fusion: Fusion) -> None:
    """Whatever stands in the columns of a modality that a ticket has not, the verdict is the same,
    and the modality counts nothing."""
    table = drawn(40)
    other = drawn(40, seed=2)
    parts = {
        m: np.where(table.present[:, [place]], table.of_modality(m), 50 * other.of_modality(m))
        for place, m in enumerate(MODALITIES)
    }
    torch.manual_seed(1)
    net = build(Shape(fusion, WIDTHS, LABELS, hidden=16)).eval()
    clean = read(net, Batch.of(table))
    soiled = read(net, Batch.of(Table(**parts, present=table.present)))
    for head, log in clean.logs.items():
        torch.testing.assert_close(soiled.logs[head], log)
    assert not clean.weights[~torch.from_numpy(table.present)].any()
    torch.testing.assert_close(clean.weights.sum(dim=1), torch.ones(40))


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("subset", SUBSETS)
def test_every_subset_is_answered(fusion: Fusion, subset: tuple[Modality, ...]) -> None:
    """With any of the modalities, the chances are numbers that sum to one, and they are not those
    of a ticket with all of them."""
    whole = replace(drawn(8), present=np.ones((8, 3), bool))
    net = checkpoint(fusion)
    chances = judge(net, whole.only(subset)).chances["category"]
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    if len(subset) < 3:
        assert not np.allclose(chances, judge(net, whole).chances["category"], atol=1e-4)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_net_learns_from_each_modality_alone(fusion: Fusion, tmp_path: Path) -> None:
    """Where every modality tells the category, a net trained with modality dropout answers from any
    one of them, far better than the 1 in 3 of chance, and knows foreign tickets."""
    net, unseen = trained(fusion, tmp_path), lesson(150, 3)
    for modality in MODALITIES:
        rows = unseen.table.having([modality])
        table = unseen.table.take(rows).only([modality])
        logs = log_probabilities(net, table)
        figures = macro_f1(logs, {"category": unseen.targets["category"][rows]} | {SCOPE: rows})
        assert figures["category"] > 0.8
        assert set(figures) == {"category"}
    logs = log_probabilities(net, unseen.table)
    foreign = logs[SCOPE].argmax(dim=1).numpy() == 1
    assert (foreign == (unseen.targets[SCOPE] == 1)).mean() > 0.9


class Interrupted(Exception):
    """What stands for a pressed Ctrl-C."""


def test_a_modality_that_guesses_is_not_believed(tmp_path: Path) -> None:
    """Of three modalities, one that is sure of whatever it guesses gets no weight on held-out
    tickets, whose columns of it tell nothing; a ticket that has nothing gets the labels' shares."""
    learn, held_out = lesson(200, 1), lesson(120, 2)
    shape = Shape("late", WIDTHS, LABELS, hidden=16)
    net, _ = fit(shape, learn, held_out, tmp_path / "state.st", lambda epoch: None, QUICK)
    assert isinstance(net, Late)
    guessing = held_out.table.image[np.random.default_rng(1).permutation(120)]
    shuffled = replace(held_out, table=replace(held_out.table, image=guessing))
    head = net.get_submodule("heads.image.linear.category")
    assert isinstance(head, torch.nn.Linear)
    head.weight.data.mul_(20)
    weigh(net, shuffled)
    text, image, audio = net.reliability("category").tolist()
    assert image < 0.1 < 0.5 < min(text, audio)
    shares = read(net, Batch.of(drawn(4).only([]))).logs["category"].exp()[0]
    known = learn.targets["category"][learn.targets["category"] != UNLABELLED]
    expected = np.bincount(known, minlength=3) / len(known)
    np.testing.assert_allclose(shares.detach().numpy(), expected, atol=0.02)


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    """Stopped after three epochs and called again, it ends with the very weights of a training that
    nobody stopped, and no epoch is trained twice."""
    told: list[Epoch] = []

    def stop(epoch: Epoch) -> None:
        told.append(epoch)
        if len(told) == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        trained("intermediate", tmp_path, stop)
    again: list[Epoch] = []
    resumed = trained("intermediate", tmp_path, again.append)
    assert again[:3] == told
    whole = trained("intermediate", tmp_path / "whole")
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], weight, rtol=0, atol=0)


def test_a_damaged_state_begins_anew(tmp_path: Path) -> None:
    """A file that is cut off costs its epochs and nothing else."""
    (tmp_path / "state.st").write_bytes(b"cut off")
    told: list[Epoch] = []
    trained("early", tmp_path, told.append)
    assert len(told) > 3


def test_modality_dropout_leaves_something() -> None:
    """No ticket loses its last modality, none gets one that it has not, and many lose one."""
    present = torch.from_numpy(drawn(500).present)
    left = dropped(present, 0.5)
    assert left.any(dim=1).all()
    assert not (left & ~present).any()
    assert left.sum() < 0.8 * present.sum()


def test_tickets_without_a_label_teach_nothing() -> None:
    """The loss is that of the labelled tickets alone, and a rare label counts for more."""
    logs = {"category": torch.log_softmax(torch.randn(4, 3), dim=1)}
    even = {"category": torch.ones(3)}
    known = loss_of({"category": logs["category"][:2]}, {"category": torch.tensor([0, 1])}, even, 0)
    both: dict[str, Tensor] = {"category": torch.tensor([0, 1, UNLABELLED, UNLABELLED])}
    torch.testing.assert_close(loss_of(logs, both, even, 0.0), known)
    targets = {"category": np.array([0] * 16 + [1] * 4 + [UNLABELLED] * 50)}
    weights = label_weights(targets, {"category": ("a", "b")})["category"]
    assert float(weights[1] / weights[0]) == pytest.approx(2.0)  # the root of 16 / 4


class Sure(torch.nn.Module):
    """Says with 99 % what the first column says."""

    def forward(self, batch: Batch) -> object:
        first = (batch.parts[0][:, 0] > 0).long()
        logs = torch.log(torch.full((len(first), 2), 0.01))
        logs[torch.arange(len(first)), first] = float(np.log(0.99))
        return type("Said", (), {"logs": {"category": logs}})()


def test_a_net_that_is_too_sure_is_cooled() -> None:
    """Right in three of four and sure of all, its temperature makes its chances 75 %."""
    table = replace(drawn(400), present=np.ones((400, 3), bool))
    said = table.text[:, 0] > 0
    true = np.where(np.arange(400) % 4 == 0, ~said, said).astype(np.int64)
    found = temperatures(Sure(), Examples(table, {"category": true}))["category"]
    odds = np.exp(np.log([0.99, 0.01]) / found)
    assert odds[0] / odds.sum() == pytest.approx(0.75, abs=0.01)


def test_what_is_foreign_gets_the_larger_chance(tmp_path: Path) -> None:
    """Scaled on held-out tickets, the chance of "none of these" is large where it is so."""
    net, held = trained("early", tmp_path), lesson(90, 2)
    scales = temperatures(net, held)
    shape = Shape("early", WIDTHS, LABELS, hidden=16)
    made = replace(
        recipe(), shape=shape, temperatures=scales, outside=outside_scale(net, held, scales)
    )
    found = judge(Checkpoint(net, checkpoint().scale, made), lesson(150, 3).table).outside
    foreign = lesson(150, 3).targets[SCOPE] == 1
    assert found[foreign].mean() > 0.7
    assert found[~foreign].mean() < 0.2
    nobody = Examples(held.table, {**held.targets, SCOPE: np.zeros(90, np.int64)})
    assert outside_scale(net, nobody, scales) is None


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_checkpoint_can_be_read_again(fusion: Fusion, tmp_path: Path) -> None:
    """The file holds all that the net needs: the same tickets get the same chances."""
    made, file = checkpoint(fusion), tmp_path / "net.safetensors"
    save(made, file)
    found = load(file)
    table = drawn(12)
    np.testing.assert_array_equal(
        judge(found, table).chances["category"], judge(made, table).chances["category"]
    )
    assert found.recipe == made.recipe
    np.testing.assert_array_equal(found.plain["category"].weight, made.plain["category"].weight)


@pytest.mark.parametrize("content", [None, b"", b"not a net at all, but long enough"])
def test_a_file_that_holds_no_net_is_told(content: bytes | None, tmp_path: Path) -> None:
    """Whoever reads it knows which file, and how to make one."""
    file = tmp_path / "net.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelUnavailable, match="net.safetensors .* mmcs train triage"):
        load(file)


def test_a_scale_looks_at_what_is_there() -> None:
    """Mean and deviation are those of the tickets that have a modality, and masked rows stay 0."""
    table = drawn(300)
    table.image[:] = table.image * 5 + 7
    table.image[~table.present[:, 1]] = 0
    scaled = Scale.of(table).applied(table)
    here = table.present[:, 1]
    np.testing.assert_allclose(scaled.image[here].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.image[here].std(axis=0), 1, atol=1e-3)
    assert not scaled.image[~here].any()


def test_a_modality_that_was_never_learned_is_not_read() -> None:
    """A net of texts alone gives a ticket with an image the verdict that its text has."""
    net = checkpoint(widths=(6, 0, 0))
    table = replace(drawn(9), present=np.ones((9, 3), bool))
    text = Table.of([Features(text=row) for row in table.text])
    np.testing.assert_array_equal(
        judge(net, table).chances["category"], judge(net, text).chances["category"]
    )


def test_vectors_are_kept_by_content_and_model(tmp_path: Path) -> None:
    """What was put comes back for the same model alone; a damaged file is thrown away."""
    kept = Kept(tmp_path / "features")
    assert kept.vectors("m", ["a"]) == {}
    kept.put_vectors("m", [("a", np.arange(3, dtype=np.float32))])
    kept.put_vectors("m", [(text_key(str(n)), np.ones(2, np.float32)) for n in range(1200)])
    np.testing.assert_array_equal(kept.vectors("m", ["a", "b"])["a"], [0, 1, 2])
    assert len(kept.vectors("m", [text_key(str(n)) for n in range(1200)])) == 1200
    assert kept.vectors("other", ["a"]) == {}
    (tmp_path / "features" / FILE).write_bytes(b"no database" * 100)
    assert kept.vectors("m", ["a"]) == {}
    kept.put_vectors("m", [("a", np.ones(1, np.float32))])
    assert set(kept.vectors("m", ["a"])) == {"a"}


def write(path: Path, *lines: dict[str, object]) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    return path


def test_labelled_tickets_are_read(tmp_path: Path) -> None:
    """Paths are relative to the file; null and "oos" are none of the categories; questions are what
    the data ask, in any words."""
    (tmp_path / "a.wav").write_bytes(wav(pcm(0.2)))
    file = write(
        tmp_path / "t.jsonl",
        {"text": "late", "audio": ["a.wav"], "labels": {"category": "parcel", "mood": "bad"}},
        {"text": "poem", "labels": {"category": None}},
        {"text": "joke", "labels": {"category": "oos"}},
        {"text": "bill", "labels": {"category": "money", "mood": "bad"}},
    )
    tickets = read_tickets(file)
    assert tickets[0].audio == (str(tmp_path / "a.wav"),)
    assert [ticket.outside for ticket in tickets] == [False, True, True, False]
    questions = questions_of(tickets)
    assert questions == {"category": ("money", "parcel")}  # a mood with one label asks nothing
    heads = heads_of(tickets, questions)
    targets = targets_of(tickets, heads)
    assert targets["category"].tolist() == [1, UNLABELLED, UNLABELLED, 0]
    assert targets[SCOPE].tolist() == [0, 1, 1, 0]
    assert SCOPE not in heads_of(tickets[:1], questions)


@pytest.mark.parametrize(
    ("line", "words"),
    [({"text": "x"}, "labels"), ({"audio": ["no.wav"], "labels": {}}, "no.wav")],
)
def test_a_line_that_cannot_be_used_is_told(
    line: dict[str, object], words: str, tmp_path: Path
) -> None:
    """The sentence says what it lacks."""
    with pytest.raises(UsageError, match=words):
        read_tickets(write(tmp_path / "t.jsonl", line))


def test_a_folder_says_what_is_held_out(tmp_path: Path) -> None:
    """val… is held out, test… is not even read, the rest is trained on."""
    for name in ("train", "more", "val", "test"):
        write(tmp_path / f"{name}.jsonl", {"text": name, "labels": {"category": "x"}})
    train, held = read_folder(tmp_path)
    assert sorted(ticket.text for ticket in train) == ["more", "train"]
    assert [ticket.text for ticket in held] == ["val"]


def test_a_group_is_never_split() -> None:
    """Tickets that tell one story lie on one side; each label gives its share; twice the same."""
    tickets = [
        LabelledTicket({"category": "ab"[n % 2]}, f"text {n}", group=f"g{n // 4 % 20}{n % 2}")
        for n in range(160)
    ]
    found = split(tickets)
    sides = [{tickets[row].group for row in rows} for rows in (found.train, found.held_out)]
    assert not sides[0] & sides[1]
    assert len(found.train) + len(found.held_out) == 160
    held = [tickets[row].labels["category"] for row in found.held_out]
    assert held.count("a") == held.count("b") == 8
    assert split(tickets).held_out.tolist() == found.held_out.tolist()


HEARD = Transcript("en", "my cup broke", (Segment(1.0, 2.5, "my cup broke", 0.9),), "a.wav")
SEEN = Picture("b.png", "parcel", "", (), (Line("Order 7", 0.9, (0, 0, 1, 1)),))


def ticket(settings: Settings, tmp_path: Path, *names: str) -> Ticket:
    """Return a ticket with small real files."""
    contents = {"a.wav": wav(pcm(1.0)), "b.png": encoded(corners(), "PNG"), "c.png": b"broken"}
    attachments = []
    for name in names:
        (tmp_path / name).write_bytes(contents[name])
        kind = "audio" if name.endswith("wav") else "image"
        attachments.append(keep(tmp_path / name, kind, settings))  # type: ignore[arg-type]  # one of two
    return Ticket((Message("customer", "Hello", tuple(attachments)),))


class Mean:
    """Encodes an image by its mean colour and a sound by its energy, and counts its work."""

    name = "mean"
    work = 0

    def encode_image(self, image: roles.Image) -> Vector:
        self.work += 1
        return np.array(image.mean(axis=(0, 1)), np.float32)

    def encode_sound(self, sound: roles.Sound) -> Vector:
        self.work += 1
        return np.array([np.abs(sound).mean()], np.float32)

    def encode_without(
        self, sound: roles.Sound, cuts: Sequence[Sequence[Span]]
    ) -> list[Vector | None]:
        return [self.encode_sound(sound) for _ in cuts]


def test_features_are_those_of_words_and_files(fake_settings: Settings, tmp_path: Path) -> None:
    """Text is what was written, said and shown; an image has its kind, a sound its rate; a file is
    encoded once; one that cannot be decoded counts as not sent."""
    encoder = Mean()
    made = Encoders(FakeEmbedder(), encoder, encoder)
    sent = Understood(
        ticket(fake_settings, tmp_path, "a.wav", "b.png"), Evidence((HEARD,), (SEEN,))
    )
    assert words_of(sent) == "Hello\nmy cup broke\nOrder 7"
    found = gather(sent, made, fake_settings)
    assert found.text is not None and found.image is not None and found.audio is not None
    assert found.image[-len(KINDS) :].tolist() == [float(kind == "parcel") for kind in KINDS]
    assert found.audio[-1] == pytest.approx(2.0)  # three words in 1.5 s
    np.testing.assert_allclose(found.text[:64], made.embedder.embed([words_of(sent)])[0])
    gather(sent, made, fake_settings)
    assert encoder.work == 2
    broken = Understood(ticket(fake_settings, tmp_path, "c.png"), Evidence())
    assert gather(broken, made, fake_settings).image is None
    gone = Ticket((Message("customer", "", (Attachment("image", "b.png", "0" * 64),)),))
    nothing = gather(Understood(gone, Evidence()), made, fake_settings)
    assert nothing == Features()


def test_chinese_is_counted_by_characters() -> None:
    """Four characters in two seconds are two a second; silence has no rate."""
    heard = Transcript("zh", "包裹没到。", (Segment(0.0, 2.0, "包裹没到。", 0.9),))
    assert speaking_rate(heard) == pytest.approx(2.0)
    assert speaking_rate(Transcript("en", "", ())) == 0.0


def test_chinese_is_embedded_across_alone() -> None:
    """The columns that know English alone are zeros for a Chinese text, and for no other."""
    english, chinese = embedded(["My parcel is late", "我的包裹没到"], Encoders(FakeEmbedder()))
    assert english[:64].any() and not chinese[:64].any()
    assert english[64:].any() and chinese[64:].any()


def test_pauses_and_loudness_are_measured() -> None:
    """Half as loud is 6 dB less; one pause of two seconds in ten is a share of 0.2."""
    sound = np.full(160_000, 0.5, np.float32)
    stretches = (Stretch(0, 64_000), Stretch(96_000, 160_000))
    loud = manner(sound, stretches)
    soft = manner(sound * np.float32(0.5), stretches)
    assert loud[0] - soft[0] == pytest.approx(6.02, abs=0.01)
    assert loud[2:].tolist() == pytest.approx([0.2, 0.1, np.log(10.0)])


def test_the_real_encoders_encode(real_settings: Settings, tmp_path: Path) -> None:
    """EfficientNet's pooled features and the kind, Whisper's states over time and the manner are
    finite and not all alike, and those of another picture differ."""
    made = encoders(real_settings, ("text", "image", "audio"), "minilm")
    sent = ticket(real_settings, tmp_path, "a.wav", "b.png")
    found = gather(Understood(sent, Evidence((HEARD,), (SEEN,))), made, real_settings)
    assert found.text is not None and found.image is not None and found.audio is not None
    assert (len(found.text), len(found.image), len(found.audio)) == (384, 1285, 1030)
    for vector in (found.image[:1280], found.audio[:1024]):
        assert np.isfinite(vector).all()
        assert vector.std() > 0.01
    assert made.image is not None
    other = made.image.encode_image(np.zeros((90, 60, 3), np.uint8))
    assert not np.allclose(other, found.image[:1280], atol=0.05)


def test_a_net_decides_and_says_so(fake_settings: Settings) -> None:
    """The verdict on the category is the net's, on what it never learned another's, and the name
    tells; a ticket of which it reads nothing goes to the other one whole."""
    labels = {"category": tuple(c.label for c in open_domain(ASSETS / "domains/retail").categories)}
    made = replace(recipe(), shape=Shape("late", (128, 0, 0), labels, hidden=16))
    torch.manual_seed(1)
    net = build(made.shape).eval()
    net.get_submodule("heads.text.linear.category").bias.data[2] = 50.0  # type: ignore[operator]  # a Parameter
    scale = Scale(
        tuple(np.zeros(width, np.float32) for width in (128, 0, 0)),
        tuple(np.ones(width, np.float32) for width in (128, 0, 0)),
    )
    triager = by_net(Checkpoint(net, scale, made), FakeTriager("delivery"), fake_settings)
    assert triager.name == "late fusion; urgency and sentiment by fake"
    found = triager.triage(Ticket((Message("customer", "Hello"),)), Evidence())
    assert found.category.label == labels["category"][2]
    assert found.category.confidence > 0.99
    assert found.urgency.confidence == 0.7
    silent = triager.triage(Ticket((Message("customer", ""),)), Evidence())
    assert silent.category.label == "delivery"


def test_a_net_of_another_embedder_does_not_decide(fake_settings: Settings) -> None:
    """Features of a model that the net never saw would mean nothing to it."""
    other = replace(checkpoint(), recipe=replace(recipe(), encoders="another v1"))
    fallback = FakeTriager()
    assert by_net(replace(other), fallback, fake_settings) is fallback


def test_a_net_must_fit_the_domain(fake_settings: Settings, tmp_path: Path) -> None:
    """It decides the category if it knows all of them, the last one excepted, and each question of
    which it knows no other label; a desk whose categories no net knows is triaged by its examples,
    and its model is named so."""
    domain = open_domain(ASSETS / "domains" / "retail")
    names = tuple(category.label for category in domain.categories)
    for labels, decided in (
        ({"category": names}, {"category"}),
        ({"category": names[:-1]}, {"category"}),
        ({"category": names[1:]}, set()),
        ({"category": (*names, "weather")}, set()),
        ({"category": names, "urgency": ("panic", "calm")}, {"category"}),
        ({"category": ("weather",), "sentiment": ("negative", "positive")}, {"sentiment"}),
    ):
        made = replace(recipe(), shape=replace(recipe().shape, labels=labels))
        assert fitting(replace(checkpoint(), recipe=made), domain) == decided
    folder = tmp_path / "shop"
    shutil.copytree(ASSETS / "domains" / "retail", folder, ignore=shutil.ignore_patterns("t*"))
    words = (folder / "domain.yaml").read_text("utf-8")
    (folder / "domain.yaml").write_text(words.replace("label: payment", "label: money"), "utf-8")
    triager = roles.load("triager", "fusion", replace(fake_settings, domain=str(folder)))
    assert triager.name == "similarity to examples"
