"""The directory that a command writes to: chosen and locked before Hydra writes, left as it was after a refusal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likelihead.commands import overrides, quoting
from likelihead.commands.command_line import SWEEP
from likelihead.commands.directory_lock import locked
from likelihead.commands.ranks import is_copy, is_launched_outside
from likelihead.commands.run_directory import BEST, CONFIG, LAST, TRACES, is_sweep, output_directory
from likelihead.commands.user_errors import Refusal, reports_errors
from likelihead.errors import LikelihoodError, one_line
from likelihead.files import refuse_url

#: Flags beside which a command runs its task; with any other it only prints.
RUNNING = {*SWEEP, "-r", "--run", "-cd", "--config-dir", "-cp", "--config-path", "-cn", "--config-name"}
#: Files of a run that a directory may hold before it: they are put back when the run is refused.
OVERWRITTEN = (CONFIG, *(f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")))


@contextmanager
def claim(words: list[str]) -> Iterator[list[str]]:
    """Hold the directory of a training command for the block; yields the words that send Hydra there.

    Exits with one sentence if another run holds the directory or has already written to it. If the block is refused
    before anything was trained, all that it created is removed.
    """
    with reports_errors():
        config = overrides.composed(words, "train") if _runs_task(words) else None
        if config is None:
            yield words
            return
        sweep, resume = _sweeps(words, config), config.get("resume")
        if is_launched_outside():
            _check_launched(words, sweep, bool(resume))
        key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
        directory = str(resume or _resolved(config, key))
        refuse_url(directory, "resume" if resume else key)
        if resume:
            _check_resume(Path(resume), words, sweep)
        # A resumed run keeps the .hydra folder of its first command.
        sent = [*words, quoting.assignment(key, directory), *(["hydra.output_subdir=null"] if resume else [])]
        if is_copy():
            # Lightning tells a further process where its run writes, but other launchers do not know resume.
            sent = sent if resume and not any(word.startswith(f"{key}=") for word in words) else list(words)
            yield [*sent, "hydra.output_subdir=null"] if is_launched_outside() else sent
            return
        with _held(Path(directory), bool(resume), "*/" if sweep else ""):
            yield sent


@contextmanager
def trial() -> Iterator[None]:
    """Hold the directory of one trial for the block, in a sweep; elsewhere `claim` already holds the run's directory.

    Raises:
        LikelihoodError: another run holds the directory or has already written to it.
    """
    if not is_sweep() or is_copy():
        yield
        return
    with locked(output_directory()):
        _refuse_occupied(output_directory())
        yield


def _runs_task(words: Sequence[str]) -> bool:
    return all(word.split("=")[0] in RUNNING for word in words if word.startswith("-"))


def _sweeps(words: Sequence[str], config: DictConfig) -> bool:
    return bool(set(words) & SWEEP) or config.hydra.mode == RunMode.MULTIRUN


def _resolved(config: DictConfig, key: str) -> str:
    """The value of one of Hydra's own keys; it may refer to others as ${hydra:…}."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        return str(OmegaConf.select(config, key, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise LikelihoodError(f"{key} cannot be resolved: {one_line(error)}") from error
    finally:
        HydraConfig.instance().cfg = before


def _check_launched(words: Sequence[str], sweep: bool, resume: bool) -> None:
    if sweep:
        raise LikelihoodError(
            "torchrun and srun start every process with this command line, and each would sweep for itself: start a "
            "sweep without them, with trainer.devices=… for several processes in each trial"
        )
    if not resume and not any(word.startswith("hydra.run.dir=") for word in words):
        raise LikelihoodError(
            "each of the processes that torchrun or srun starts would write to a directory of its own: name one for "
            "all of them, hydra.run.dir=RUN"
        )


def _check_resume(directory: Path, words: Sequence[str], sweep: bool) -> None:
    if sweep:
        raise LikelihoodError("resume continues one run, and -m starts several: resume them one by one")
    if any(word.startswith("hydra.run.dir=") for word in words) and not is_copy():
        raise LikelihoodError("a resumed run stays in its directory: leave out hydra.run.dir")
    if not (directory / CONFIG).is_file() and any(directory.glob(f"*/{CONFIG}")):
        raise LikelihoodError(
            f"resume={directory} names several runs, and resume continues one: {_how_to_go_on(directory)}"
        )
    for needed in ((Path(CONFIG),), (LAST, BEST)):
        if not any((directory / file).is_file() for file in needed):
            raise LikelihoodError(
                f"resume={directory}: there is no {str(directory / needed[0])!r}; give the directory of a run that "
                "wrote a checkpoint, such as outputs/2026-01-31/12-00-00.000000"
            )
    _refuse_links(directory)


def _refuse_links(directory: Path) -> None:
    """A folder that came from elsewhere may hold links, through which a run would write over other files."""
    for path in directory.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(directory.resolve()):
            raise LikelihoodError(
                f"{str(path)!r} is a link out of the directory of the run, which a resumed run would write through: "
                "put the file in its place"
            )


def _refuse_occupied(directory: Path, pattern: str = "") -> None:
    if any(any(directory.glob(f"{pattern}{trace}")) for trace in TRACES):
        if pattern:
            raise LikelihoodError(
                f"{str(directory)!r} already holds runs: choose another directory; {_how_to_go_on(directory)}"
            )
        raise LikelihoodError(
            f"{str(directory)!r} already holds a run: choose another directory, or resume it: resume={directory}"
        )


def _how_to_go_on(directory: Path) -> str:
    """What is left to do in the directory of a sweep or of folds that was stopped."""
    runs = sorted(file.parent for file in directory.glob(f"*/{CONFIG}"))
    begun = [str(run) for run in runs if not (run / "metrics.json").is_file()]
    left = f"resume={begun[0]} continues the one that was stopped" if begun else "each run in it has ended"
    return f"{left}, and one that is missing is started by itself, with hydra.run.dir={directory / 'NAME'}"


@contextmanager
def _held(directory: Path, resumed: bool, pattern: str) -> Iterator[None]:
    created = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    try:
        with locked(directory):
            if not resumed:
                _refuse_occupied(directory, pattern)
            before = _Contents(directory)
            try:
                yield
            except Refusal:
                before.restore()
                raise
    finally:
        # Empty only where nothing was written, or all of it removed.
        with suppress(OSError):
            for folder in created:
                folder.rmdir()


class _Contents:
    """What a directory holds before a command writes to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.names = {path.name for path in directory.iterdir()}
        files = [directory / name for name in OVERWRITTEN]
        self.overwritten = {file: file.read_bytes() if file.is_file() else None for file in files}
        self.trained = self._trained()

    def restore(self) -> None:
        """Remove what is new, except trained runs; put back the files that were overwritten."""
        if self._trained() != self.trained:
            return
        new = [path for path in self.directory.iterdir() if path.name not in self.names]
        trials = [path for path in new if path.is_dir() and _holds_run(path)]
        for path in new:
            if path.is_dir() and path not in trials:
                shutil.rmtree(path)
            elif not path.is_dir() and not trials:
                path.unlink()
        for file, contents in self.overwritten.items():
            if contents is not None:
                file.write_bytes(contents)
            elif file.parent.exists():
                file.unlink(missing_ok=True)

    def _trained(self) -> dict[Path, tuple[int, int]]:
        """The files that training writes, each with its time and size."""
        files = [path for trace in (*TRACES, "checkpoints/*") for path in self.directory.glob(trace) if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def _holds_run(directory: Path) -> bool:
    return any(path.is_file() for pattern in ("metrics.*", "*.ckpt") for path in directory.rglob(pattern))
