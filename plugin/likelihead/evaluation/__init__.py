"""Scores of a trained model, and its predictions as a table."""
