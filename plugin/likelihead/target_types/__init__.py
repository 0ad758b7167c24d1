"""Target types: one class for each kind of target, with its dtype, support, checks, scores and columns."""

from likelihead.target_types.check import check_targets
from likelihead.target_types.detect import TARGET_TYPES, class_of, fitting_families, target_type_from, target_type_of
from likelihead.target_types.target_type import TargetColumns, TargetType

__all__ = [
    "TARGET_TYPES",
    "TargetColumns",
    "TargetType",
    "check_targets",
    "class_of",
    "fitting_families",
    "target_type_from",
    "target_type_of",
]
