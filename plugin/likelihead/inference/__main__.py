"""`python -m likelihead.inference --table`: which functions are exact, inverted or undefined for each family."""

from __future__ import annotations

import argparse

from likelihead.inference.table import markdown


def main() -> None:
    """Print the table of families and functions."""
    parser = argparse.ArgumentParser(prog="python -m likelihead.inference", description=__doc__)
    parser.add_argument("--table", action="store_true", required=True, help="print the table in Markdown")
    parser.parse_args()
    print(markdown())


if __name__ == "__main__":
    main()
