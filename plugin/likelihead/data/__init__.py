"""Data sets: tables, bundled and synthetic sets as tensors, and batches of them."""

from likelihead.data.batch import Batch
from likelihead.data.censored import censored
from likelihead.data.dataset import Data, Dataset, Examples
from likelihead.data.loader import BatchLoader
from likelihead.data.row_splits import load_rows, save_rows, split_rows
from likelihead.data.sources import load_data
from likelihead.data.tables.encode_table import encode_table, load_table
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.split_table import split_table

__all__ = [
    "Batch",
    "BatchLoader",
    "Data",
    "Dataset",
    "Examples",
    "TableEncoder",
    "censored",
    "encode_table",
    "load_data",
    "load_rows",
    "load_table",
    "save_rows",
    "split_rows",
    "split_table",
]
