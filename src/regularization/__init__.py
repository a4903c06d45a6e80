"""The shared model code of the book *Seeing Regularization*."""

import os

# Read when Keras and TensorFlow are first imported, so set before any module of ours does that.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
