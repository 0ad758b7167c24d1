"""Trains a model: python train.py distribution=poisson. The same as `likelihead train distribution=poisson`."""

from likelihead.commands.train import main

if __name__ == "__main__":
    main()
