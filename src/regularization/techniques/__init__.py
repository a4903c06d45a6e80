"""The techniques, a module each: every one changes a single line of the same tiny model."""

from regularization.technique import Technique as Technique
from regularization.techniques.augmentation import Augmentation as Augmentation
from regularization.techniques.dropconnect import DropConnect as DropConnect
from regularization.techniques.dropout import Dropout as Dropout
from regularization.techniques.early_stopping import EarlyStopping as EarlyStopping
from regularization.techniques.elastic_net import ElasticNet as ElasticNet
from regularization.techniques.gaussian_weights import DensityWeights as DensityWeights
from regularization.techniques.gaussian_weights import DrawnWeights as DrawnWeights
from regularization.techniques.gaussian_weights import GaussianWeights as GaussianWeights
from regularization.techniques.input_noise import InputNoise as InputNoise
from regularization.techniques.l1 import L1 as L1
from regularization.techniques.l2 import L2 as L2
from regularization.techniques.label_smoothing import LabelSmoothing as LabelSmoothing
from regularization.techniques.max_norm import MaxNorm as MaxNorm
from regularization.techniques.mixup import Mixup as Mixup
from regularization.techniques.spectral_normalization import (
    SpectralNormalization as SpectralNormalization,
)
from regularization.techniques.variational_weights import VariationalWeights as VariationalWeights
from regularization.techniques.weight_averaging import WeightAveraging as WeightAveraging
from regularization.techniques.weight_decay import WeightDecay as WeightDecay
from regularization.techniques.weight_noise import WeightNoise as WeightNoise
from regularization.techniques.weight_normalization import (
    WeightNormalization as WeightNormalization,
)
from regularization.techniques.weight_normalization_with_gain import (
    WeightNormalizationWithGain as WeightNormalizationWithGain,
)
