"""The reader: what it learns from, that it learns, goes on after a kill, and writes its file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import MPNetConfig, MPNetModel, PreTrainedTokenizerFast

from mmcs.backends._reader_net import MOST_LEFT, MOST_TOKENS
from mmcs.backends.fake import FakeEmbedder
from mmcs.cli import main
from mmcs.errors import BadInput, ModelUnavailable, UsageError
from mmcs.knowledge import Knowledge
from mmcs.knowledge.questions import mark
from mmcs.settings import ASSETS, Settings
from mmcs.training.examples import held_out
from mmcs.training.reader import Asked, Judged, ReaderReport, built, calibration, rate, train
from mmcs.training.reader_batch import batch_of
from mmcs.training.reader_data import (
    FOR_MEASURING,
    HELD_OUT,
    LEARNED,
    Folders,
    HeldOut,
    Pair,
    PublicSet,
    own_pairs,
    public_pairs,
    question_pairs,
    read,
    units_of,
)
from mmcs.training.reader_state import Options, batches, curve_file, state_file

THINGS = "kettle router parcel voucher".split()
PASSAGE = "Delivery takes two days. Returns are free. The {0} is blue."
WORDS = "delivery takes two days returns are free the is blue red how long does take what . ?"
SPECIAL = "<s> <pad> </s> [UNK] <mask>".split()
SHORT = Options(pairs=48, batch=4, every=4, learning_rate=3e-3)
LAYERS = 2


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    """Write lines of JSON, gzipped where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def rows_of(source: PublicSet) -> list[dict[str, object]]:
    """Return pairs of a set, half of them true: blue is, red isn't."""
    if source.task == "says":
        return [
            {"premise": PASSAGE.format(thing), "claim": f"The {thing} is {colour}.", "label": label}
            for thing in THINGS
            for colour, label in (("blue", "entailed"), ("red", "contradicted"))
        ]
    asked = (("How long does delivery take?", True), ("What is red?", False))
    return [
        {
            "question": question,
            "passage": PASSAGE.format(thing),
            "answerable": answerable,
            "title": f"The {thing}",
            **({"answer": "two days"} if answerable else {}),
        }
        for thing in THINGS
        for question, answerable in asked
    ]


def own_line(name: str, thing: str) -> dict[str, object]:
    return {
        "id": name,
        "title": "Terms",
        "source": PASSAGE.format(thing),
        "claims": [[f"The {thing} is {c}.", c == "blue", "subject"] for c in ("blue", "red")],
        "questions": [["How long?", True, "plain"], ["What is red?", False, "detail"]],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of invented public sets, and of our own; those for measuring are no data at all."""
    folder = tmp_path_factory.mktemp("reading")
    for source in (*LEARNED, *HELD_OUT):
        lines(folder / source.file, rows_of(source))
    for name, part in FOR_MEASURING:
        path = folder / name / f"{part}.jsonl.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not to be read")
    lines(
        folder / "own" / "passages.jsonl", [own_line("p1-001", "kettle"), own_line("p7-1", "toy")]
    )
    lines(folder / "own" / "claims.jsonl", [{**own_line("ve001", "router"), "questions": []}])
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny MPNet of random numbers with a tokenizer of a few words."""
    folder = tmp_path_factory.mktemp("base")
    words = [*SPECIAL, *dict.fromkeys([*WORDS.split(), *THINGS])]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="[UNK]", model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = MPNetConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=514,
    )
    MPNetModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture
def trained(
    data: Path, base: Path, tmp_path: Path, fake_settings: Settings
) -> Callable[..., ReaderReport]:
    """Train on the invented data, under a name in the test's folder."""

    def start(
        name: str = "reader",
        options: Options = SHORT,
        stepped: Callable[[int, float], object] = lambda *_: None,
    ) -> ReaderReport:
        out = tmp_path / f"{name}.safetensors"
        asked = Asked(data, out, own=data / "own", options=options)
        return train(asked, base, fake_settings, stepped)

    return start


class Killed(Exception):
    """What ends a training in the middle."""


def test_the_loss_falls_and_what_is_held_out_is_told_apart(
    trained: Callable[..., ReaderReport],
) -> None:
    """A net that knows nothing learns that blue is right and red is not."""
    losses: list[float] = []
    report = trained(
        options=replace(SHORT, pairs=320, every=40), stepped=lambda _, loss: losses.append(loss)
    )
    assert len(losses) == 80
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert report.figures["infotabs"] > 0.95
    assert report.figures["units"] > 0.95


def test_a_training_that_was_killed_ends_with_the_same_weights(
    trained: Callable[..., ReaderReport], tmp_path: Path
) -> None:
    """Killed two steps after its state was saved and gone on with, it writes the file and the curve
    of a training that nobody disturbed; nothing else is left."""
    trained("whole")

    def die(step: int, loss: float) -> None:
        if step == 6:
            raise Killed

    with pytest.raises(Killed):
        trained("killed", stepped=die)
    out = tmp_path / "killed.safetensors"
    assert state_file(out).name == "killed.safetensors.state.pt"
    assert state_file(out).exists()
    went: list[int] = []
    trained("killed", stepped=lambda step, _: went.append(step))
    assert went == list(range(5, 13))
    whole = load_file(tmp_path / "whole.safetensors")
    again = load_file(out)
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert curve_file(out).read_text() == curve_file(tmp_path / "whole.safetensors").read_text()
    names = ("killed-curve.jsonl", "killed.md", "killed.safetensors")
    assert sorted(path.name for path in tmp_path.glob("killed*")) == sorted(names)


def test_a_state_of_another_training_is_refused(
    trained: Callable[..., ReaderReport], tmp_path: Path
) -> None:
    """Other options would end in weights that nobody can make again; and what is no state is not
    taken for one."""

    def die(step: int, loss: float) -> None:
        if step == 5:
            raise Killed

    with pytest.raises(Killed):
        trained(stepped=die)
    with pytest.raises(BadInput, match=r"reader\.safetensors\.state\.pt is of a training on other"):
        trained(options=replace(SHORT, learning_rate=1e-3))
    state_file(tmp_path / "reader.safetensors").write_bytes(b"PK broken")
    with pytest.raises(BadInput, match=r"reader\.safetensors\.state\.pt cannot be read; delete it"):
        trained()


def test_the_file_holds_what_was_trained_by_its_documented_names(
    trained: Callable[..., ReaderReport], base: Path, tmp_path: Path
) -> None:
    """Corrections, norms and heads in half precision, calibrations in single; no more. The card and
    the curve lie beside it."""
    trained()
    found = load_file(tmp_path / "reader.safetensors")
    expected = {"head.weight", "head.bias", "unit.weight", "unit.bias"}
    for layer in (f"encoder.layer.{number}." for number in range(LAYERS)):
        matrices = [f"attention.attn.{name}" for name in "qkvo"]
        matrices += ["intermediate.dense", "output.dense"]
        expected |= {f"{layer}{name}.{part}" for name in matrices for part in ("down", "up")}
        norms = ("attention.LayerNorm", "output.LayerNorm")
        expected |= {f"{layer}{name}.{part}" for name in norms for part in ("weight", "bias")}
    calibrated = {f"calibration.{name}" for name in ("says", "answers", "units")}
    assert found.keys() == expected | calibrated
    assert expected == built(base)[0].trained().keys()
    assert {found[name].dtype for name in expected} == {torch.float16}
    assert {(found[name].dtype, found[name].shape) for name in calibrated} == {
        (torch.float32, torch.Size([2]))
    }
    assert found["encoder.layer.1.attention.attn.q.down"].shape == (32, 32)
    assert found["encoder.layer.1.intermediate.dense.up"].shape == (64, 32)
    curve = (tmp_path / "reader-curve.jsonl").read_text("utf-8")
    looks = [json.loads(line) for line in curve.splitlines()]
    assert [(look["step"], look["pairs"]) for look in looks] == [(4, 16), (8, 32), (12, 48)]
    card = (tmp_path / "reader.md").read_text("utf-8")
    assert "| squad2_dev_half/dev.jsonl.gz | 8 | CC BY-SA 4.0 |" in card
    assert "--pairs 48`" in card
    assert f"{looks[-1]['infotabs']:.3f}" in card
    assert str(tmp_path) not in card


def test_it_stops_when_nothing_gets_better_and_keeps_the_best(
    trained: Callable[..., ReaderReport], tmp_path: Path
) -> None:
    """A net that learns nothing is looked at as often as patience allows, and the first look is
    kept."""
    report = trained(options=replace(SHORT, learning_rate=0.0, every=1, patience=2))
    assert report.pairs == 4
    assert len(curve_file(tmp_path / "reader.safetensors").read_text().splitlines()) == 3


def test_what_is_for_measuring_is_never_read(data: Path) -> None:
    """No table names a set that is there for measuring, and asking for one is refused; files in
    their places that can't be read don't disturb."""
    assert not FOR_MEASURING & {(one.name, one.part) for one in (*LEARNED, *HELD_OUT)}
    assert {name for name, _ in FOR_MEASURING} == {
        *("clapnq_dev", "fool_me_twice", "wice", "healthver", "cail2019_cjrc_zh")
    }
    read(Folders(data, data / "own"), seed=1)
    for name, part in FOR_MEASURING:
        source = PublicSet(name, part, None, "says", "")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"{name}/{part}.* is there for measuring"):
            public_pairs(data, source, seed=1)


def test_hands_and_texts_that_are_held_out_are_not_learned_from(data: Path) -> None:
    """Nothing of the hands p7 and p8, and nothing that was made of a held-out set, is learned."""
    found = read(Folders(data, data / "own"), seed=1)
    learned = [pair for pairs in found.learned.values() for pair in pairs]
    assert not [pair for pair in learned if "toy" in pair.left + pair.right]
    assert {pair.right for pair in found.held_out.sets["own_says"]} == {PASSAGE.format("toy")}
    learned_hands, kept_hands = own_pairs(ASSETS / "training" / "passages.jsonl")
    assert len(kept_hands) * 3 == len(learned_hands)  # two of eight hands
    assert not {pair.right for pair in learned_hands} & {pair.right for pair in kept_hands}
    cut = next(source for source in LEARNED if source.name == "cut_en")
    rows = rows_of(cut)
    lines(data / cut.file, [{**rows[0], "from": "qed_nq_dev"}, {**rows[1], "from": "xquad_en"}])
    try:
        assert len(public_pairs(data, cut, seed=1)) == 1
    finally:
        lines(data / cut.file, rows)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("wice/dev.jsonl.gz", None, r"lacks wice/dev\.jsonl\.gz\.$"),
        ("wice/dev.jsonl.gz", b"{}", r"^wice/dev\.jsonl\.gz cannot be read; it holds no gzipped"),
        (
            "wice/dev.jsonl.gz",
            gzip.compress(b'{"premise": "a", "claim": "b", "label": "maybe"}\n'),
            r"^Line 1 of wice/dev\.jsonl\.gz is no pair; it needs premise, claim, label\.$",
        ),
        ("wice/dev.jsonl.gz", gzip.compress(b""), r"^wice/dev\.jsonl\.gz holds no pair to take\.$"),
        ("dstc9_faq/train.jsonl.gz", gzip.compress(b"{}{"), r"it needs question, passage, answera"),
        (
            "infotabs/dev.jsonl.gz",
            gzip.compress(b'{"premise": "a", "claim": "b", "label": "neutral"}\n'),
            r"^infotabs, which is held out, needs pairs of both kinds",
        ),
    ],
)
def test_bad_data_is_named_in_one_sentence(
    data: Path, file: str, content: bytes | None, said: str
) -> None:
    """Whoever prepared the folder learns which file is at fault."""
    path = data / file
    good = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(BadInput, match=said):
            read(Folders(data, data / "own"), seed=1)
    finally:
        path.write_bytes(good)


def test_customers_questions_come_with_hard_passages(tmp_path: Path) -> None:
    """The passage with the marked unit is right, its unit's place is known, the others are wrong;
    questions on an article that is held out are."""
    for thing in THINGS:
        text = f"# The {thing}\n\nThe {thing} is blue. It never leaks.\n"
        (tmp_path / f"{thing}.md").write_text(text, "utf-8")
    questions = tmp_path / "questions.jsonl"
    asked = [
        {
            "id": thing,
            "text": f"what colour is the {thing}",
            "articles": [thing],
            "answerable": True,
            "units": [mark(f"The {thing} is blue.")],
        }
        for thing in THINGS
    ]
    asked += [
        {"id": "none", "text": "what does the kettle weigh", "articles": [], "answerable": False},
        {"id": "unmarked", "text": "is it blue", "articles": ["kettle"], "answerable": True},
    ]
    lines(questions, list(asked))
    found = list(
        question_pairs(questions, Knowledge.open(tmp_path, FakeEmbedder(), tmp_path / "c"))
    )
    assert len(found) == len(THINGS) + 1
    for thing, one in zip(THINGS, found, strict=False):
        assert one.held_out == held_out(thing)
        right = [pair for pair in one.pairs if pair.true]
        assert [pair.right[b:e] for pair in right for b, e in pair.spans] == [
            f"The {thing} is blue."
        ]
        assert len(one.pairs) > len(right) == 1
    assert not any(pair.true or pair.spans for pair in found[-1].pairs)


def test_batches_follow_from_the_seed(data: Path) -> None:
    """The same seed gives the same batches, another others; all have both tasks between them, and
    more pairs than there are go through them again."""
    found = read(Folders(data, data / "own"), seed=1)
    options = replace(SHORT, pairs=400)
    first = batches(found, options)
    assert first == batches(found, options)
    assert first != batches(found, replace(options, seed=8))
    assert [len(batch) for batch in first] == [4] * 100
    shares = [sum(p.task == "says" for b in part for p in b) for part in (first[:50], first[50:])]
    assert all(0.4 < share / 200 < 0.9 for share in shares)


def test_tokens_of_answers_are_marked_and_texts_are_cut(base: Path) -> None:
    """The tokens of the marked sentence alone are to be found, none of the question or the title;
    a long question leaves room for the passage."""
    title = "Delivery\n"
    text = title + PASSAGE.format("kettle")
    begin, end = len(title), len(title) + len("Delivery takes two days.")
    spans = ((begin, end),)
    pairs = [
        Pair("answers", "How long does delivery take?", text, True, spans, len(title)),
        Pair("says", "blue " * 300, "red " * 300, False),
    ]
    batch = batch_of(pairs, built(base)[1])
    assert batch.ids.shape == (2, MOST_TOKENS)
    assert int(batch.answering[0].sum()) == 5  # delivery takes two days .
    assert not bool(batch.answering[1].any())
    assert int(batch.passage[1].sum()) == MOST_TOKENS - MOST_LEFT - 4
    assert batch.tasks.tolist() == [[1], [0]]
    assert units_of(pairs[0])[:2] == [  # the title is none
        (begin, end, True),
        (end + 1, end + 1 + len("Returns are free."), False),
    ]


def test_calibration_finds_where_the_chances_are_even() -> None:
    """Logits that are all too high by three are put right, for each head by itself."""
    pairs = tuple(Pair(task, "a", "b", yes) for task in ("says", "answers") for yes in (0, 1) * 50)  # type: ignore[arg-type]
    shift = {"says": 3.0, "answers": -1.0}
    judged = [
        Judged(shift[p.task] + (1 if p.true else -1), ((0.5, True), (-0.5, False))) for p in pairs
    ]
    found = calibration(HeldOut({"all": pairs}, ()), judged)
    for name, even in (("says", 3.0), ("answers", -1.0), ("units", 0.0)):
        slope, bias = found[f"calibration.{name}"].tolist()
        assert slope > 0
        assert slope * even + bias == pytest.approx(0, abs=0.05)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    """It is whole from the end of the warm-up to the begin of the decay, and never nothing."""
    shares = [rate(step, 1_000) for step in range(1_000)]
    assert shares[0] < 0.05
    assert set(shares[30:800]) == {1.0}
    assert shares[900] == pytest.approx(0.5)
    assert min(shares[900:]) == pytest.approx(0.02)


def test_a_base_that_is_no_model_is_named(tmp_path: Path) -> None:
    """A folder without a model is one sentence."""
    with pytest.raises(ModelUnavailable, match="could not be loaded"):
        built(tmp_path)


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ([], 2, "The reader is trained from --data DIR, --questions and --pairs alone"),
        (["--data", "nowhere", "--epochs", "2"], 2, "The reader is trained from --data DIR"),
        (["--data", "nowhere"], 1, "There is no folder nowhere"),
        (["--data", "nowhere", "--pairs", "0"], 2, "Give --pairs a number from 1"),
    ],
)
def test_what_is_missing_is_said(
    asked: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it needs, in one line."""
    assert main(["train", "reader", *asked]) == status
    assert said in capsys.readouterr().err
