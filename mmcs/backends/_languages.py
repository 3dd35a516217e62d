"""The language of a ticket: py3langid's verdict on what was written, the transcriber's on what was
said."""

from __future__ import annotations

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from mmcs.ticket import Evidence, Ticket, Verdict

MOST_TEXT = 1_200  # characters that are looked at; a ticket says what it is about early
LEAST_LETTERS = 12  # fewer tell no language
CHINESE = ("\u3400", "\u9fff")


class Languages:
    """Tells languages apart."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def of(self, words: str, evidence: Evidence) -> Verdict:
        """Return Chinese for Chinese characters, else what the speech, or the words, tell."""
        letters = [c for c in words if c.isalpha()]
        chinese = sum(CHINESE[0] <= c <= CHINESE[1] for c in letters)
        if letters and chinese / len(letters) > 0.2:
            return Verdict("zh", 1.0)
        for heard in evidence.transcripts:
            if heard.segments:
                return Verdict(heard.language, round(heard.language_confidence, 3))
        if len(letters) < LEAST_LETTERS:
            return Verdict("en", 0.5)
        label, confidence = self._identifier.classify(words)
        return Verdict(str(label), round(float(confidence), 3))


def spoken_words(ticket: Ticket, evidence: Evidence) -> str:
    """Return the customer's own words: written, said and, if nothing else, shown."""
    spoken = " ".join(heard.text for heard in evidence.transcripts)
    words = f"{ticket.customer_text} {spoken}".strip()
    if not words:
        words = " ".join(line.text for image in evidence.images for line in image.lines)
    return words[:MOST_TEXT]
