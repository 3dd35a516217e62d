"""Two versions of one text, when it was typed in two windows at once."""

from __future__ import annotations

from markupsafe import Markup

from mmcs.desk.render.parts import ICONS, View
from mmcs.store import TextName


def choice(name: TextName, other: str | None, view: View) -> Markup:
    """Return what stands in another window, with the ways out; nothing if the windows agree.

    Args:
        name: which text.
        other: what the other window has.
        view: what it is drawn with.
    """
    if other is None:
        return Markup("")
    texts = view.texts
    button = Markup('<button type="button" data-act="{}" data-which="{}">{}</button>')
    return Markup(
        '<div class="choice" role="alert">{}<div><p>{}</p><p class="other">{}</p>{}{}</div></div>'
    ).format(
        ICONS["warn"],
        texts.elsewhere[name],
        other or texts.elsewhere_empty,
        button.format("keep", name, texts.elsewhere_keep),
        button.format("take", name, texts.elsewhere_take),
    )


def follow(token: str) -> Markup:
    """Return the sign that lets the page follow its ticket; each one starts it anew."""
    return Markup('<i data-follow="{}"></i>').format(token) if token else Markup("")
