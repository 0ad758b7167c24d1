"""Training: the Lightning module, `fit`, checkpoints and callbacks."""
