"""`python -m likelihead.inference --table`: what is known of each family, and how."""

from __future__ import annotations

import argparse

from likelihead.inference.table import markdown


def main() -> None:
    """Print the table family × function."""
    parser = argparse.ArgumentParser(prog="python -m likelihead.inference", description=__doc__)
    parser.add_argument("--table", action="store_true", required=True, help="print the table in Markdown")
    parser.parse_args()
    print(markdown())


if __name__ == "__main__":
    main()
