"""The way through the code goes in one direction, and heavy libraries stay in backends."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "mmcs").rglob("*.py"))
# Each layer may import those above it in this list, and itself where it says so.
LAYERS = (
    ("errors", "ticket", "explanation", "memory"),
    ("boundary", "cache", "private", "wellformed"),
    ("settings",),
    ("attachments", "cuda", "database", "kept"),
    (
        "decoder",
        "media",
        "roles",
        "reading_order",
        "sentences",
        "labelled",
        "weights",
        "domain",
    ),
    ("entities", "turns"),
    ("backends", "perceive", "kinds", "knowledge", "draft", "triage"),
    ("models", "intake", "retrieve"),
    ("writing",),
    ("pipeline",),
    ("store", "training"),
    ("evaluate", "bench", "doctor", "space"),
    ("desk", "cli"),
    ("__main__", "app"),
)
ALONE = {"perceive", "knowledge", "draft", "triage"}  # stages don't import each other
ENGINES = {
    "torch",
    "transformers",
    "onnxruntime",
    "ctranslate2",
    "faster_whisper",
    "whisper",
    "rapidocr",
    "xllamacpp",
    "efficientnet_lite_pytorch",
    "bitsandbytes",
    "accelerate",
    "openai",
}
LIFTED = {("kinds", "perceive")}  # (imported, importer): a rule that one stage alone uses


def room(path: Path) -> str:
    """Return the module or package directly under mmcs/ that a file belongs to."""
    return path.relative_to(ROOT / "mmcs").parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return every module that a file imports, also late."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "mmcs":
                found |= {f"mmcs.{alias.name}" for alias in node.names}
    return found


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    """A module imports only from its own room and from the layers before it."""
    mine = room(path)
    if mine == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "mmcs" or len(parts) == 1:
            continue
        other = parts[1]
        if other in {mine, "__version__"} or (other, mine) in LIFTED:
            continue
        assert level(other) <= level(mine), f"{path} imports {name}"
        assert not (mine in ALONE and other in ALONE), f"the stage {mine} imports the stage {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_engines_stay_in_backends(path: Path) -> None:
    """Only backends import an engine; bench does too, to run the plain engines beside ours, and
    training, which trains what a backend loads. Triage's own nets are in torch, and no more."""
    if room(path) in {"backends", "bench", "training"}:
        return
    own = {"torch"} if room(path) == "triage" else set()
    heavy = ({name.split(".")[0] for name in imports(path)} & ENGINES) - own
    assert not heavy, f"{path} imports {heavy}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_environment_is_read_in_settings_alone(path: Path) -> None:
    """os.environ and os.getenv appear in settings.py and nowhere else."""
    text = path.read_text("utf-8")
    if path.name != "settings.py":
        assert "os.environ" not in text
        assert "getenv" not in text


def test_no_module_imports_a_backend_by_name() -> None:
    """Backends are loaded by roles.load; a backend may import another."""
    for path in MODULES:
        if room(path) not in {"backends", "bench", "training"}:
            assert not [name for name in imports(path) if name.startswith("mmcs.backends.")], path
