"""What Hydra finds of likelihead at each start."""
