"""The Hydra plugin of likelihead, which Hydra discovers when it starts."""
