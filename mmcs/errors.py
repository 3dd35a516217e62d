"""The errors of MMCS. Each message is one plain sentence, written for the agent who will read it.

    MMCSError
    ├── BadInput            a file or text that cannot be used; names it and the way out
    │   ├── UnreadableAudio
    │   ├── UnreadableImage
    │   └── OverLimit       past a limit of size, length or number
    ├── ModelUnavailable    a model, its weights or its engine cannot be had
    │   └── WeightsError    a weight file cannot be fetched, or failed its check
    ├── KnowledgeError      a folder of articles or a domain cannot be used
    ├── StoreError          the database cannot be read or written
    ├── SpaceError          a Space cannot be deployed: no login, no permission, no network
    ├── UsageError          a command was called wrongly; lists what is valid
    └── Unforeseen          anything else; has an id, under which its trace is in the log

`boundary.py` makes the last one out of whatever nobody foresaw. A run turns all of them into
Problems; the command line prints them on one line.
"""


class MMCSError(Exception):
    """Base of every error whose message is meant for a person."""


class BadInput(MMCSError):
    """A file or a text of the customer's that cannot be used."""


class UnreadableAudio(BadInput):
    """A sound file that cannot be decoded."""


class UnreadableImage(BadInput):
    """An image file that cannot be decoded."""


class OverLimit(BadInput):
    """Input past a limit of size, length or number."""


class ModelUnavailable(MMCSError):
    """A model or its engine cannot be had; the desk goes on without it."""


class WeightsError(ModelUnavailable):
    """A weight file cannot be fetched from any source, or failed its SHA-256."""


class KnowledgeError(MMCSError):
    """A folder of articles, or a domain, that cannot be used."""


class StoreError(MMCSError):
    """The database cannot be opened, read or written."""


class SpaceError(MMCSError):
    """A Space cannot be deployed; the message says what its owner can do."""


class UsageError(MMCSError):
    """A command or a setting with a value that means nothing; the message lists what is valid."""


class Unforeseen(MMCSError):
    """A bug, or a failure of a library that nobody has met; the log has its trace under its id."""

    def __init__(self, failure: str) -> None:
        """Word it for the agent.

        Args:
            failure: the id of this failure.
        """
        super().__init__(
            "Something failed here in a way that nobody foresaw, and the rest goes on: if it fails "
            f"again, tell whoever runs the desk {failure}, under which the log says more."
        )
