"""Families that Pyro lacks, or whose arithmetic fails in float32: subclasses of Pyro's, one small file each."""

from likelihead.distributions.bernoulli import Bernoulli
from likelihead.distributions.beta import Beta
from likelihead.distributions.beta_proportion import BetaProportion
from likelihead.distributions.categorical import Categorical
from likelihead.distributions.dirichlet import Dirichlet
from likelihead.distributions.gamma import Gamma
from likelihead.distributions.log_normal import LogNormal
from likelihead.distributions.mixture import MixtureSameFamily
from likelihead.distributions.multivariate_normal import MultivariateNormal
from likelihead.distributions.negative_binomial import NegativeBinomial
from likelihead.distributions.normal import Normal
from likelihead.distributions.ordered_logistic import OrderedLogistic
from likelihead.distributions.plackett_luce import PlackettLuce
from likelihead.distributions.poisson import Poisson
from likelihead.distributions.student_t import StudentT
from likelihead.distributions.von_mises import VonMises
from likelihead.distributions.von_mises_vector import VonMisesVector
from likelihead.distributions.weibull import Weibull
from likelihead.distributions.zero_inflated_poisson import ZeroInflatedPoisson

__all__ = [
    "Bernoulli",
    "Beta",
    "BetaProportion",
    "Categorical",
    "Dirichlet",
    "Gamma",
    "LogNormal",
    "MixtureSameFamily",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OrderedLogistic",
    "PlackettLuce",
    "Poisson",
    "StudentT",
    "VonMises",
    "VonMisesVector",
    "Weibull",
    "ZeroInflatedPoisson",
]
