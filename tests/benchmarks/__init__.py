"""What likelihead costs, beside what it replaces: `python -m tests.benchmarks`."""
