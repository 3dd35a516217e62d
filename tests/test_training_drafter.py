"""An adapter for the language model: learned from written replies, laid over the model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gguf
import pytest
import torch
from transformers.modeling_gguf_pytorch_utils import LlamaTensorProcessor

from mmcs import roles
from mmcs.backends import llama_cpp
from mmcs.backends._low_rank import RANK
from mmcs.backends.fake import FakeChat
from mmcs.cli import main
from mmcs.domain import open_domain
from mmcs.draft import WORDINGS, lesson_messages, warm_up_messages
from mmcs.errors import ModelUnavailable, UsageError
from mmcs.labelled import read_labelled
from mmcs.roles import ChatOptions
from mmcs.settings import ASSETS, Settings
from mmcs.training.adapter import open_model, write_adapter
from mmcs.training.drafter import Lesson, Read, _loss, train

REPLY = "A repair takes 12 working days, counted from the day your parcel is here."
FACTS = ("Repairs take 12 working days from arrival.", "The blue box is free.")
ASKED = "How long does a repair take?"


def lessons(path: Path, ids: Sequence[str]) -> Path:
    """Write one lesson under several ids."""
    line = {"facts": FACTS, "asked": ASKED, "reply": REPLY, "language": "en"}
    path.write_text("".join(json.dumps({"id": name, **line}) + "\n" for name in ids), "utf-8")
    return path


def test_a_model_drafts_as_it_was_trained_to(real_settings: Settings, tmp_path: Path) -> None:
    """After a short training on one reply llama.cpp, with the adapter, writes much of that reply,
    and is known as a model that needs no instructions; without it, it writes something else."""
    out = tmp_path / "adapter.gguf"
    report = train(lessons(tmp_path / "one.jsonl", "ab"), out, real_settings, epochs=30)
    assert report.examples == report.held_out == 1
    assert report.loss < 0.25 * report.loss_before
    asked = lesson_messages(FACTS, ASKED, "en")
    wrote = {}
    for adapter in ("", str(out)):
        chat = llama_cpp.chat(replace(real_settings, chat_adapter=adapter))
        assert chat.taught == bool(adapter)
        wrote[adapter] = "".join(chat.chat(asked, ChatOptions(max_tokens=40)))
    assert wrote[str(out)].startswith(REPLY[:30])
    assert not wrote[""].startswith(REPLY[:30])


def test_rows_are_turned_as_gguf_has_them(real_settings: Settings) -> None:
    """What transformers undoes when it reads queries and keys is done to an adapter."""
    path, _ = llama_cpp.model_file(real_settings)
    model = open_model(path, "cpu", kept=0.95)
    for parameter in model.trained():
        torch.nn.init.normal_(parameter)
    shot = model.snapshot()
    layer = len(model.network.model.layers) - 1
    attention = model.network.model.layers[layer].self_attn
    back = LlamaTensorProcessor()._reverse_permute_weights
    for matrix, name in (("q_proj", "attn_q"), ("k_proj", "attn_k")):
        heads = model.heads[matrix]
        rows = shot[f"blk.{layer}.{name}.weight.lora_b"].numpy()
        ours = getattr(attention, matrix).up.detach().numpy()
        assert not (rows == ours).all()
        assert (back(rows, heads, heads) == ours).all()


def test_lessons_are_worded_as_prompts_are() -> None:
    """A trained model reads at the desk what it read in the training."""
    domain = open_domain(ASSETS / "domains" / "retail")
    system, user = lesson_messages(FACTS, ASKED, "en")
    constant, begun = warm_up_messages(domain, "en", FakeChat(taught=True))
    assert constant == system
    assert user.content.startswith(begun.content)
    assert user.content.splitlines()[1:] == [
        f"1. {FACTS[0]}",
        f"2. {FACTS[1]}",
        f"{WORDINGS['en'].written}: {ASKED}",
    ]
    spoken = lesson_messages(FACTS, ASKED, "en", spoken=True)[-1].content
    assert spoken.endswith(f"{WORDINGS['en'].spoken}: {ASKED}")


def test_the_replies_to_learn_from_are_many_and_distinct() -> None:
    """At least 1,500 examples, in both languages, none twice, none empty. The numbers of a reply
    stand in its facts or its question, but for the few that count something."""
    learned = read_labelled(ASSETS / "training" / "replies.jsonl", Lesson)
    assert len(learned) >= 1_500
    assert len({lesson.id for lesson in learned}) == len(learned)
    assert len({lesson.reply for lesson in learned}) == len(learned)
    assert {lesson.language for lesson in learned} == {"en", "zh"}
    assert all(lesson.facts and lesson.asked and lesson.reply for lesson in learned)

    def numbers(text: str) -> set[str]:
        return set(re.findall(r"\d+(?:[.,:]\d+)*", text))

    given = ((numbers(one.reply), " ".join((*one.facts, one.asked))) for one in learned)
    counted = sum(not said <= numbers(told) for said, told in given)
    assert counted < 0.02 * len(learned)


def test_one_source_alone_is_too_little(real_settings: Settings, tmp_path: Path) -> None:
    """Something must be held out, and it must not be on the same facts."""
    data = lessons(tmp_path / "one.jsonl", ["a-1", "a-2"])
    with pytest.raises(UsageError, match=r"one\.jsonl has one source alone"):
        train(data, tmp_path / "out.gguf", real_settings)


def test_a_family_that_is_not_known_is_named(tmp_path: Path) -> None:
    """A model that can't be trained is refused before it is loaded."""
    path = tmp_path / "other.gguf"
    writer = gguf.GGUFWriter(path, "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(UsageError, match=r"other\.gguf is a mamba model; .*qwen2"):
        open_model(path, "cpu", kept=0.5)


def test_an_adapter_that_does_not_fit_is_one_sentence(
    real_settings: Settings, tmp_path: Path
) -> None:
    """A missing adapter, and one made for another model, are named with the way out."""
    missing = replace(real_settings, chat_adapter=str(tmp_path / "no.gguf"))
    with pytest.raises(ModelUnavailable, match=r"no adapter at .*no\.gguf; MMCS_CHAT_ADAPTER"):
        roles.load("chat", "llama_cpp", missing)
    foreign = tmp_path / "foreign.gguf"
    name = "blk.0.attn_q.weight.lora_"
    parts = {f"{name}a": torch.zeros(RANK, 64), f"{name}b": torch.zeros(96, RANK)}
    write_adapter(parts, "llama", foreign)
    with pytest.raises(ModelUnavailable, match=r"foreign\.gguf cannot be laid over"):
        roles.load("chat", "llama_cpp", replace(real_settings, chat_adapter=str(foreign)))


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ([], 2, "The drafter is trained from --data FILE.jsonl alone"),
        (["--from-desk"], 2, "The drafter is trained from --data FILE.jsonl alone"),
        (["--data", "nowhere.jsonl"], 1, "There is no file nowhere.jsonl"),
    ],
)
def test_what_is_missing_is_said(
    asked: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it needs, in one line."""
    assert main(["train", "drafter", *asked]) == status
    assert said in capsys.readouterr().err


def test_the_prompt_is_not_learned() -> None:
    """Only the reply's tokens, and the end, count in the loss."""

    class Sure:
        """Gives every token the same chance."""

        def __init__(self) -> None:
            self.network = torch.nn.Linear(1, 1)
            self.end = 9
            self.seen: list[torch.Tensor] = []

        def scores(self, ids: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
            self.seen.append(where)
            return torch.zeros(int(where.sum()), 10)

    model = Sure()
    total, count = _loss(model, [Read((1, 2, 3, 4, 9), 3), Read((1, 2, 9), 2)])  # type: ignore[arg-type]
    assert count == 3
    assert float(total) == pytest.approx(3 * torch.log(torch.tensor(10.0)).item(), rel=1e-5)
    assert model.seen[0].tolist() == [
        [False, False, True, True, False],
        [False, True, False, False, False],
    ]
