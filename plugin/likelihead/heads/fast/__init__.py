"""log_prob and its gradient straight from raw outputs, where these lie in an ordinary range.

In training, most of a small head's time goes into calls: links, a distribution's constructor and a graph of small
operations. Here a family's log-density is a plain function of its parameters on the link's scale (the logarithm of a
positive one) that returns the gradient with it. It is used in plain reverse mode only, and only where its terms are so
small that float32 keeps them: everything else goes through the distribution itself, whose arithmetic is right anywhere.
"""
