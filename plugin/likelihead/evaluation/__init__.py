"""Scores of a trained model, and its predictions as a frame."""

from likelihead.evaluation.calibration import Conformal
from likelihead.evaluation.evaluate import evaluate, predict
from likelihead.evaluation.evaluation import Evaluation
from likelihead.evaluation.predictions import frame_of
from likelihead.evaluation.scores import scores
from likelihead.evaluation.statistics import Statistics

__all__ = ["Conformal", "Evaluation", "Statistics", "evaluate", "frame_of", "predict", "scores"]
