"""Tables to tensors: the columns' encoders, fitted on the training rows."""
