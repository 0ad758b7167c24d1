"""The Hydra plugin of likelihead, which Hydra discovers at each start."""
