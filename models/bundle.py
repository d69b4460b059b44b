"""Model bundles: a folder with the weights and a card that says what they are and what they need.

::

    NAME/model.onnx      the network (``weights.npz`` for a network that runs inside a compiled loop)
    NAME/card.json       see `Card`
    NAME/...             history, summary and plots of the training, for people

The loader checks the hash of the weights, the task, and that this code has the preprocessing that
the card asks for, so that a model never runs on input it was not trained on.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from ..errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Task: TypeAlias = Literal["beat", "detector", "quality", "record", "rhythm"]

SHIPPED = Path(__file__).parent / "weights"
"""The bundles that come with the package."""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What stands in ``card.json``.

    Attributes
    ----------
    name, task, arch
        What the bundle is called, what it does, and the architecture it was made with.
    classes
        Class names, in the order of the network's output.
    input_name, input_shape
        The network's input; None in the shape is the batch.
    preprocessing
        Identifier and version of the input pipeline, such as ``beat-window/1``.
    sampling_rate_hz
        Rate the network's input stands at; None if the input does not depend on it.
    window, normalization, features
        The same preprocessing in words and names, for people and for checks.
    thresholds
        Decision thresholds or class multipliers, chosen on validation patients.
    kind_memory
        Of a beat model: how much earlier beats of a kind count, below 1; see `stream.kind_memory`.
    leads
        Leads the model was trained on; empty if any lead will do.
    training
        Databases, records, split, seed, command.
    metrics
        Honest figures, with the split they were taken on.
    versions
        Library versions at training time.
    data_licence
        Licence of the training data.
    weights, sha256
        File name and hash of the weights.
    """

    name: str
    task: Task
    arch: str
    classes: tuple[str, ...]
    input_name: str
    input_shape: tuple[int | None, ...]
    preprocessing: str
    sampling_rate_hz: float | None = None
    window: dict[str, Any] = {}
    normalization: str = ""
    features: tuple[str, ...] = ()
    thresholds: dict[str, float] = {}
    kind_memory: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0
    leads: tuple[str, ...] = ()
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    versions: dict[str, str] = {}
    data_licence: str = ""
    weights: str = "model.onnx"
    sha256: str = ""


class Bundle(msgspec.Struct, frozen=True):
    """A checked bundle on disk."""

    card: Card
    folder: Path

    @property
    def weights(self) -> Path:
        """Path of the file with the weights."""
        return self.folder / self.card.weights

    def content(self) -> bytes:
        """Read the weights, all of which the hash in the card covers.

        Raises
        ------
        BundleError
            If they cannot be read, or are not what the card says.
        """
        try:
            content = self.weights.read_bytes()
        except OSError as error:
            raise BundleError(f"bundle {self.folder}: cannot read {self.card.weights}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != self.card.sha256:
            raise BundleError(_changed(self.folder, self.card))
        return content

    @contextmanager
    def arrays(self) -> Iterator[Mapping[str, NDArray[Any]]]:
        """Open weights that are arrays (``weights.npz``), for a block that takes what it needs of them.

        Raises
        ------
        BundleError
            If they cannot be read, are not what the card says, or do not hold what the block takes.
        """
        import numpy as np

        try:
            with np.load(io.BytesIO(self.content()), allow_pickle=False) as arrays:
                yield arrays
        except BundleError:
            raise
        except Exception as error:  # NumPy and zipfile raise many kinds
            raise BundleError(f"bundle {self.folder}: cannot read {self.card.weights}: {error}") from error


def shipped_names() -> list[str]:
    """Names of the bundles that come with the package, sorted."""
    return sorted(card.parent.name for card in SHIPPED.glob("*/card.json"))


def load_bundle(name_or_path: str | os.PathLike[str], task: Task, preprocessing: str | None = None) -> Bundle:
    """Find a bundle by shipped name or path, and check it.

    Parameters
    ----------
    name_or_path
        A name from `shipped_names`, or a folder with ``card.json``.
    task
        What the bundle must be for.
    preprocessing
        The preprocessing that the caller has; None accepts any.

    Raises
    ------
    BundleError
        If there is no such bundle, its card cannot be read, its weights are missing or do not match
        their hash, or it is for another task or another preprocessing.
    """
    folder = _find(name_or_path, task)
    card = read_card(folder)
    if card.task != task:
        raise BundleError(
            f"bundle {folder} is for the task '{card.task}', not '{task}': `ecg-stream models` lists what fits"
        )
    if preprocessing is not None and card.preprocessing != preprocessing:
        raise BundleError(
            f"bundle {folder} asks for preprocessing '{card.preprocessing}', this version has '{preprocessing}': "
            f"train it again with `ecg-stream train {task}`"
        )
    weights = folder / card.weights
    if Path(card.weights).name != card.weights or not weights.is_file():
        raise BundleError(f"bundle {folder} has no weights file '{card.weights}': fetch or train it again")
    if _sha256(weights) != card.sha256:
        raise BundleError(_changed(folder, card))
    return Bundle(card, folder)


def read_card(folder: Path) -> Card:
    """Read and validate ``card.json``.

    Raises
    ------
    BundleError
        If it is missing or does not fit `Card`.
    """
    try:
        return msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    except OSError as error:
        raise BundleError(
            f"cannot read {folder / 'card.json'}: {error.strerror}: a bundle is a folder with weights and card.json"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder / 'card.json'} is not a model card: {error}") from error


@contextmanager
def writing_bundle(folder: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, and move it to `folder` when the block ends well.

    Raises
    ------
    BundleError
        If the place cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise BundleError(f"cannot write the bundle {folder}: {error.strerror}", about="bundle") from error
    try:
        part.chmod(0o755)
        yield part
        old = None
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.replace(old)
        part.replace(folder)
        if old is not None:
            shutil.rmtree(old)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_card(folder: Path, card: Card) -> Card:
    """Write ``card.json`` into `folder` with the hash of the weights that lie there; give the card written."""
    card = msgspec.structs.replace(card, sha256=_sha256(folder / card.weights))
    (folder / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    return card


def rewrite_card(folder: Path, card: Card) -> None:
    """Put another card in the place of the one in `folder`, whole or not at all.

    Raises
    ------
    BundleError
        If the folder cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".card.", delete=False) as part:
            part.write(text)
        Path(part.name).chmod(0o644)
        Path(part.name).replace(folder / "card.json")
    except OSError as error:
        raise BundleError(
            f"cannot write {folder / 'card.json'}: {error.strerror}: copy the bundle to a writable folder"
        ) from error


def library_versions(*packages: str) -> Mapping[str, str]:
    """Installed version of each package, for a card."""
    from importlib.metadata import version

    return {package: version(package) for package in packages}


def _changed(folder: Path, card: Card) -> str:
    return (
        f"bundle {folder}: {card.weights} does not match the sha256 in its card; it is corrupt or was changed: "
        "fetch or train it again"
    )


def _find(name_or_path: str | os.PathLike[str], task: Task) -> Path:
    path = Path(name_or_path)
    if path.name == str(name_or_path) and (SHIPPED / path.name / "card.json").is_file():
        return SHIPPED / path.name
    if str(name_or_path) and path.is_dir():
        return path
    fitting = [name for name in shipped_names() if read_card(SHIPPED / name).task == task]
    raise BundleError(
        f"no model '{name_or_path}': valid are {', '.join(fitting) or 'none shipped'}, or the path of a bundle folder"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
