"""Target types: one class for each sort of answer."""
