"""The shared model code of the book *Seeing Regularization*."""

import os

# Read when Keras and its backend are first imported, so set before any module of ours does that.
for name, value in {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Programs run side by side, one a core (backend.division): within one, threads gain nothing.
    "TF_NUM_INTRAOP_THREADS": "1",
    # Chapters that run at the same time share an accelerator's memory.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}.items():
    os.environ.setdefault(name, value)
