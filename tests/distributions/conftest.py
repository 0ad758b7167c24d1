"""The scripts in grid/ are run by hand."""

collect_ignore = ["grid"]
