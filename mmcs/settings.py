"""Every option, born once: from the MMCS_* variables, then the command line. Nothing else reads
the environment."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import platformdirs

from mmcs import memory
from mmcs.errors import KnowledgeError, UsageError

PROJECT = Path(__file__).resolve().parent.parent
ASSETS = PROJECT / "assets"
NEUTRAL = "neutral"  # the domain of no shop, and what other domains leave out
SPACE_STORAGE = Path("/data")  # where a Space's storage is mounted, if it has any
# What only a Space's own variables say: whoever could set it elsewhere could sign in as anybody.
_OF_A_SPACE = frozenset({"space", "sign_in", "zero_gpu"})
# What keeps libraries from calling home, whatever the user's own environment says.
SILENCE = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: model names and paths to Microsoft, and a queue
    "GRADIO_ANALYTICS_ENABLED": "False",  # its starts, and whether there is a newer version
    "HF_HUB_DISABLE_TELEMETRY": "1",  # Hugging Face's libraries, and whoever reports through them
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers: asks the hub to convert old weights
    "OTEL_SDK_DISABLED": "true",  # FastAPI: a trace of each request
}

# Where Python finds its libraries, if it was told.
_OF_PYTHON = "PYTHONHOME PYTHONPATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH SYSTEMROOT".split()


def prepare_process() -> None:
    """Set what libraries read from the environment when they are imported, and what malloc keeps.

    OpenMP threads that spin while they wait starve the other engine: decoding beside a
    transcription fell from 62 to under 2 tokens/s. They wait passively instead.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # ms; Intel's OpenMP, inside CTranslate2
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    cache = Path(os.environ.get("MMCS_CACHE") or Settings().cache).expanduser()
    os.environ.setdefault("MPLCONFIGDIR", str(cache / "matplotlib"))  # its list of fonts
    os.environ.update(SILENCE)
    memory.bound()
    if on_a_space(Settings(), os.environ).zero_gpu:
        importlib.import_module("spaces")  # it has to come before whatever asks for a GPU


def bare_environment() -> dict[str, str]:
    """Return the environment of a process that needs nothing but to start Python: no key, no name,
    no folder of anybody's."""
    return {name: os.environ[name] for name in _OF_PYTHON if name in os.environ}


def take_uploads_in(folder: Path) -> None:
    """Have Gradio look for uploads in a folder; it reads this whenever it is handed a file."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """How this desk runs. Each field is the variable MMCS_<NAME>."""

    # where things are
    cache: Path = field(default_factory=lambda: Path(platformdirs.user_cache_dir("mmcs")))
    home: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("mmcs")))
    domain: str = ""  # a name in assets/domains, or a folder; empty: see domain_folder
    knowledge: str = ""  # a folder of Markdown; empty: the domain's own
    name: str = ""  # whose desk this is; empty: as the domain says
    signature: str = ""  # under each reply; empty: the name, or as the domain says

    # which model plays which role: "auto", or a file in mmcs/backends
    transcriber: str = "auto"
    reader: str = "auto"
    tagger: str = "auto"
    captioner: str = "auto"
    embedder: str = "auto"
    triager: str = "auto"
    ranker: str = "auto"
    verifier: str = "auto"
    chat: str = "auto"  # "none": articles only
    model: str = "auto"  # the engine column: auto, embedded, or a multimodal model's id or folder
    chat_model: str = "base"  # base (1.5B), small (0.5B), tiny (135M), or a GGUF by path or hub id
    chat_adapter: str = ""  # a GGUF adapter for it, made by ``train drafter``
    whisper_model: str = "base"  # base, or another size that openai-whisper knows (GPU: turbo)

    # the multimodal model in this process
    precision: str = "auto"  # auto: by what fits; bf16, nf4, or fp32 (a CPU)
    image_tokens: int = 1024  # at most, for one image

    # the engine behind it: any OpenAI-compatible server
    openai_url: str = ""  # one address ending in /v1, or several with commas between
    openai_model: str = ""  # empty: the first that the server names
    openai_key: str = field(default="", repr=False)

    draft_timeout: int = 120  # seconds for one draft of a multimodal model or a server

    # the machine
    threads: int = field(default_factory=usable_cores)
    offline: bool = False  # never fetch weights
    hub: str = "https://huggingface.co"  # empty: no hub

    database: str = field(default="", repr=False)  # an SQLAlchemy address; empty: SQLite in home

    # the page
    host: str = "127.0.0.1"
    port: int = 7860
    hosts: str = ""  # the names that the page goes by besides its address; commas between them

    # on a Hugging Face Space
    space: str = ""  # OWNER/NAME; empty: this is no Space
    sign_in: bool = False  # visitors can sign in with their Hugging Face account
    zero_gpu: bool = False  # a GPU is lent for the length of a draft
    admins: str = ""  # who sees the admin part besides the Space's owner; commas between the names

    @property
    def domain_folder(self) -> Path:
        """The folder of the domain: the one that was named, else the sample shop's; for a folder
        of other articles, the one that knows no shop.

        Raises:
            UsageError: there is no such domain.
        """
        shipped = ASSETS / "domains"
        if not self.domain:
            return shipped / (NEUTRAL if self.knowledge else "retail")
        for folder in (shipped / self.domain, Path(self.domain)):
            if (folder / "domain.yaml").is_file():
                return folder
        names = ", ".join(sorted(p.parent.name for p in shipped.glob("*/domain.yaml")))
        raise UsageError(
            f"There is no domain {self.domain!r}; there is {names}, "
            "or name a folder that holds a domain.yaml."
        )

    @property
    def knowledge_folder(self) -> Path:
        """The folder of articles: the one that was named, else the domain's own.

        Raises:
            KnowledgeError: there is no such folder.
        """
        folder = Path(self.knowledge) if self.knowledge else self.domain_folder / "knowledge"
        if not folder.is_dir():
            raise KnowledgeError(f"There is no folder of articles at {folder}.")
        return folder

    @property
    def administrators(self) -> frozenset[str]:
        """The Hugging Face accounts that see the admin part; nobody where this is no Space."""
        if not self.space:
            return frozenset()
        names = [self.space.partition("/")[0], *self.admins.split(",")]
        return frozenset(name.strip() for name in names) - {""}

    @property
    def host_names(self) -> frozenset[str]:
        """The names in ``hosts``, as browsers send them."""
        return frozenset(name.strip().lower() for name in self.hosts.split(",")) - {""}

    def with_flags(self, **flags: str | None) -> Settings:
        """Return these settings with the command line's flags laid over them; None is not given."""
        return _laid_over(self, {k: v for k, v in flags.items() if v is not None}, "--")

    def for_child(self, **changes: str) -> dict[str, str]:
        """Return the environment in which another process has these settings, with changes."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)} | changes
        told = {f"MMCS_{name.upper()}": str(value) for name, value in mine.items() if value != ""}
        return {**os.environ, **told}


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that the MMCS_* variables ask for, on a Space laid over its own.

    Raises:
        UsageError: a variable with a value that means nothing.
    """
    given = os.environ if environment is None else environment
    names = {f.name for f in fields(Settings)} - _OF_A_SPACE
    asked = {
        key[5:].lower(): value
        for key, value in given.items()
        if key.startswith("MMCS_") and key[5:].lower() in names and value
    }
    return _laid_over(on_a_space(Settings(), given), asked, "MMCS_")


def on_a_space(
    settings: Settings, given: Mapping[str, str], storage: Path = SPACE_STORAGE
) -> Settings:
    """Return settings for a Space, if its variables say that this is one.

    Tickets go to the storage that outlives a restart. Weights do not: it is a bucket read over the
    network, and the hub is as near. A container shows all cores of its machine; CPU_CORES tells
    how many of them are the Space's.
    https://huggingface.co/docs/hub/spaces-overview#helper-environment-variables
    """
    if given.get("SYSTEM") != "spaces" or not given.get("SPACE_ID"):
        return settings
    if os.access(storage, os.W_OK):
        settings = replace(settings, home=storage / "mmcs")
    cores = given.get("CPU_CORES", "")
    if cores.isdigit() and int(cores):
        settings = replace(settings, threads=min(settings.threads, int(cores)))
    return replace(
        settings,
        space=given["SPACE_ID"],
        sign_in=bool(given.get("OAUTH_CLIENT_ID") and given.get("OAUTH_CLIENT_SECRET")),
        zero_gpu=given.get("SPACES_ZERO_GPU", "").lower() in {"1", "true"},
        host="0.0.0.0",  # noqa: S104  # a Space's proxy comes from outside the container
    )


def _laid_over(settings: Settings, asked: Mapping[str, str], origin: str) -> Settings:
    typed: dict[str, object] = {}
    for name, value in asked.items():
        present = getattr(settings, name)
        label = origin + (name.upper() if origin == "MMCS_" else name.replace("_", "-"))
        if isinstance(present, bool):
            if value.lower() not in {"0", "1", "true", "false", "yes", "no"}:
                raise UsageError(f"{label} is {value!r}; it must be 0 or 1.")
            typed[name] = value.lower() in {"1", "true", "yes"}
        elif isinstance(present, int):
            if not value.isdigit() or int(value) < 1:
                raise UsageError(f"{label} is {value!r}; it must be a whole number from 1.")
            typed[name] = int(value)
        elif isinstance(present, Path):
            typed[name] = Path(value).expanduser()
        else:
            typed[name] = value
    return replace(settings, **typed)  # type: ignore[arg-type]  # the names are Settings' own
