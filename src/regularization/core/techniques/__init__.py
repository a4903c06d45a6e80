"""The techniques, a module each: every one changes a single line of the same tiny model."""

from regularization.core.technique import Technique as Technique
from regularization.core.techniques.adversarial_training import (
    AdversarialTraining as AdversarialTraining,
)
from regularization.core.techniques.augmentation import Augmentation as Augmentation
from regularization.core.techniques.dropconnect import DropConnect as DropConnect
from regularization.core.techniques.dropout import Dropout as Dropout
from regularization.core.techniques.early_stopping import EarlyStopping as EarlyStopping
from regularization.core.techniques.elastic_net import ElasticNet as ElasticNet
from regularization.core.techniques.gaussian_weights import DensityWeights as DensityWeights
from regularization.core.techniques.gaussian_weights import DrawnWeights as DrawnWeights
from regularization.core.techniques.gaussian_weights import GaussianWeights as GaussianWeights
from regularization.core.techniques.input_noise import InputNoise as InputNoise
from regularization.core.techniques.l1 import L1 as L1
from regularization.core.techniques.l2 import L2 as L2
from regularization.core.techniques.label_smoothing import LabelSmoothing as LabelSmoothing
from regularization.core.techniques.max_norm import MaxNorm as MaxNorm
from regularization.core.techniques.mixup import Mixup as Mixup
from regularization.core.techniques.spectral_normalization import (
    SpectralNormalization as SpectralNormalization,
)
from regularization.core.techniques.variational_weights import (
    VariationalWeights as VariationalWeights,
)
from regularization.core.techniques.weight_averaging import WeightAveraging as WeightAveraging
from regularization.core.techniques.weight_decay import WeightDecay as WeightDecay
from regularization.core.techniques.weight_noise import WeightNoise as WeightNoise
from regularization.core.techniques.weight_normalization import (
    WeightNormalization as WeightNormalization,
)
from regularization.core.techniques.weight_normalization_with_gain import (
    WeightNormalizationWithGain as WeightNormalizationWithGain,
)
