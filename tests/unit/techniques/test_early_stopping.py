"""Early stopping."""

import keras
import numpy as np
import pytest
from samples import numpy, tensor

from regularization.core.techniques.early_stopping import EarlyStopping


def ours(scores, patience):
    """The number of the evaluation whose weights are kept, per replica."""
    technique = EarlyStopping(patience)
    replicas = scores.shape[1]
    parameters = technique.parameters(tensor(np.full((replicas, 1, 1), -1)))
    for number in range(len(scores)):
        parameters = parameters | {"kernel": tensor(np.full((replicas, 1, 1), number))}
        parameters = technique.review(parameters, scores[: number + 1])
    return numpy(technique.at_test(parameters)["kernel"]).ravel().tolist()


def kerass(scores, patience):
    """The epoch whose weights Keras's callback restores."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    callback = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=patience, restore_best_weights=True
    )
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, score in enumerate(scores):
        model.set_weights([np.full((1, 1), epoch, "float32")])
        callback.on_epoch_end(epoch, {"val_accuracy": score})
        if model.stop_training:
            break
    callback.on_train_end()
    return float(model.get_weights()[0][0, 0])


@pytest.mark.parametrize("patience", [1, 2, 3, 10])
def test_the_weights_kept_are_those_that_kerass_callback_restores(patience):
    """Scores with ties, as accuracies have them."""
    scores = np.random.default_rng(patience).integers(0, 6, (12, 5)) / 10
    expected = [kerass(column, patience) for column in scores.T]
    assert ours(scores, patience) == expected


def test_each_replica_has_its_own_patience():
    scores = np.repeat([[0.5], [0.4], [0.4], [0.6]], 2, axis=1)
    assert ours(scores, np.array([2, 3])) == [0, 3]
