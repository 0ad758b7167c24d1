"""Laws: a distribution's mode, mean, quantiles, cdf, intervals and scores in float64, below the distributions.

The law of a family stands beside its class in `likelihead.distributions`; here is what several laws share.
"""

# Imported for its registration: what is known of a distribution whose class has no law of its own.
from likelihead.laws import generic as generic
