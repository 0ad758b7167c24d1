"""Data: tables, bundled and synthetic sets to tensors; the check of targets; the loader."""

from likelihead.data.kinds import Kind
from likelihead.data.loader import TensorLoader
from likelihead.data.loading import encode_table, load_data, load_table, take
from likelihead.data.split import Data, Split
from likelihead.data.splits import load_rows, save_rows, split_rows
from likelihead.data.tables import TableEncoder
from likelihead.data.targets import check_targets

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
