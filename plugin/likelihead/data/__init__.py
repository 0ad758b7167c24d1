"""Data: tables, bundled and synthetic sets to tensors; the check of targets; the loader."""

from likelihead.data.dataset import Data, Split
from likelihead.data.loader import TensorLoader
from likelihead.data.row_splits import load_rows, save_rows, split_rows
from likelihead.data.sources.load import encode_table, load_data, load_table, take
from likelihead.data.tables.encoder import TableEncoder
from likelihead.target_types.check import check_targets
from likelihead.target_types.kinds import Kind

__all__ = [
    "Data",
    "Kind",
    "Split",
    "TableEncoder",
    "TensorLoader",
    "check_targets",
    "encode_table",
    "load_data",
    "load_rows",
    "load_table",
    "save_rows",
    "split_rows",
    "take",
]
