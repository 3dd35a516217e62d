"""What the owner of a Space sees besides: how far the models are, the machine, what is wrong with
the articles, how many tickets are kept.

It is there only on a Space that lets visitors sign in. Who asks is checked on the server each time:
what a visitor gets holds none of it, hidden or not.
"""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from mmcs.desk.actions import Stored
from mmcs.desk.drawing import Updates
from mmcs.desk.late import Stages
from mmcs.desk.page import Page, open_page
from mmcs.desk.render.parts import joined
from mmcs.desk.texts import EN, translated
from mmcs.doctor import examine
from mmcs.models import ModelState
from mmcs.settings import Settings
from mmcs.store import Store

# Gradio's button tells by these words whether a press signs in or out: they stay in one language.
SIGN_IN, SIGN_OUT = "Sign in with Hugging Face", "Sign out {}"


def is_administrator(profile: gr.OAuthProfile | None, settings: Settings) -> bool:
    """Say whether somebody may see the admin part: signed in, and its owner or named by one."""
    return profile is not None and profile.username in settings.administrators


class Admin:
    """The admin part: the button to sign in, and what an administrator sees."""

    def __init__(self, pipeline: Stages, store: Store) -> None:
        """Place it in the Blocks that is open."""
        self._pipeline = pipeline
        self._store = store
        with gr.Row(elem_id="admin"):
            self.sign_in = gr.LoginButton(SIGN_IN, SIGN_OUT, size="sm", elem_id="sign-in")
            self.again = gr.Button(EN.admin_again, size="sm", visible=False)
        # Gradio's own event that names the button would be public; ``load`` does the same.
        self.sign_in.load_event_to_attach = None
        self.part = gr.HTML("", visible=False, elem_id="admin-part")

    def load(self, stored: Stored, profile: gr.OAuthProfile | None) -> Updates:
        """Draw the admin part for whoever is signed in; for a visitor, without any of it."""
        words = SIGN_OUT.format(profile.username) if profile else SIGN_IN
        return {self.sign_in: gr.LoginButton(words), **self._drawn(open_page(stored), profile)}

    def speak(
        self, stored: Stored, event: gr.EventData, profile: gr.OAuthProfile | None
    ) -> Updates:
        """Draw it in the language that was chosen just now."""
        page = open_page({**open_page(stored).to_json(), "language": event.language})
        return self._drawn(page, profile)

    def _drawn(self, page: Page, profile: gr.OAuthProfile | None) -> Updates:
        if not is_administrator(profile, self._pipeline.settings):
            return {self.part: gr.HTML("", visible=False), self.again: gr.Button(visible=False)}
        return {
            self.part: gr.HTML(self._findings(page), visible=True),
            self.again: gr.Button(page.texts.admin_again, visible=True),
        }

    def _findings(self, page: Page) -> Markup:
        """Return everything that an administrator sees.

        Raises:
            StoreError: the store cannot be read.
        """
        texts, settings = page.texts, self._pipeline.settings
        notes = [translated(note, page.language) for note in self._pipeline.article_notes]
        return Markup(
            "<h2>{}</h2><p>{}</p><h3>{}</h3><ul>{}</ul><h3>{}</h3><ul>{}</ul><p>{}</p>"
            "<h3>{}</h3><pre>{}</pre>"
        ).format(
            texts.admin,
            texts.admin_seen_by.format(names=", ".join(sorted(settings.administrators))),
            texts.admin_models,
            joined(_model(state, page) for state in self._pipeline.models.states),
            texts.admin_articles,
            joined(Markup("<li>{}</li>").format(n) for n in notes or [texts.admin_no_notes]),
            texts.admin_tickets.format(count=self._store.count()),
            texts.admin_machine,
            "\n".join(examine(settings).lines()),
        )


def _model(state: ModelState, page: Page) -> Markup:
    texts = page.texts
    told = [state.name or state.backend, texts.phases[state.phase]]
    if state.seconds:
        told.append(texts.seconds.format(seconds=f"{state.seconds:.1f}"))
    if state.message:
        told.append(translated(state.message, page.language))
    return Markup("<li><b>{}</b> {}</li>").format(texts.roles[state.role], " · ".join(told))
