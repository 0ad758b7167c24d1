"""Tables as tensors: column encoders fitted on the training rows."""
