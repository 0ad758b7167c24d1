"""Scores of a trained model, and its predictions as a frame."""

from likelihead.evaluation.calibration import Conformal
from likelihead.evaluation.evaluate import Evaluation, evaluate, predict
from likelihead.evaluation.predictions import frame_of
from likelihead.evaluation.scores import scores
from likelihead.evaluation.statistics import Statistics

__all__ = ["Conformal", "Evaluation", "Statistics", "evaluate", "frame_of", "predict", "scores"]
