"""Laws: what inference needs of a distribution, in float64."""
