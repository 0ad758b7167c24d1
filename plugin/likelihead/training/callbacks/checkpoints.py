"""The best and the last checkpoint of a run, which may be moved before the run is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import ModelCheckpoint

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class BestAndLast(ModelCheckpoint):
    """Lightning's ModelCheckpoint, but a resumed run keeps the best score even if its directory has moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = {**state_dict, "dirpath": self.dirpath}
        state |= {key: self._moved(state[key]) for key in PATHS if state.get(key)}
        state["best_k_models"] = {self._moved(path): score for path, score in state.get("best_k_models", {}).items()}
        super().load_state_dict(state)

    def _moved(self, path: str) -> str:
        return str(Path(self.dirpath or "") / Path(path).name)
