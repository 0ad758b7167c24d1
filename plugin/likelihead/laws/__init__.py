"""Laws: a distribution's mode, mean, quantiles, cdf, intervals and scores in float64, below the distributions.

The law of a family is defined next to its class in `likelihead.distributions`; this package holds what laws share.
"""

# Imported for its side effect: it registers the laws of distributions whose class has none.
from likelihead.laws import generic as generic
