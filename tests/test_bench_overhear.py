"""The language model is overheard while the pipeline uses it."""

from __future__ import annotations

from mmcs.bench.overhear import Overhearing
from mmcs.intake import Request, take
from mmcs.pipeline import Pipeline
from mmcs.settings import Settings


def test_the_pipeline_drafts_with_a_model_that_is_overheard(fake_settings: Settings) -> None:
    """A ticket gets its model's draft as ever; the reply is noted once, with its pieces, and can be
    asked for again."""
    models = Overhearing(fake_settings)
    pipeline = Pipeline(fake_settings, models)
    late = "My parcel with order 48213 is late. Tracking shows no movement. Is it lost?"
    ticket, _ = take(Request("", late), fake_settings)
    *_, case = pipeline.run(ticket)
    assert "draft" in case.seconds and not case.problems
    (reply,) = models.chat.first_replies()
    assert reply.pieces > 1 and reply.messages[0].role == "system"
    assert models.chat.write_again(reply).pieces == reply.pieces
    assert models.chat.first_replies() == [reply]
