"""Balancing the classes of the training records; validation and test stay as they come."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RequestError

Balance: TypeAlias = Literal["weights", "undersample", "oversample", "smote"]

BALANCES: tuple[Balance, ...] = ("weights", "undersample", "oversample", "smote")


def balanced(
    signals: NDArray[np.float32], targets: NDArray[np.float32], positive: NDArray[np.bool_], how: Balance, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Give both classes the same say.

    Parameters
    ----------
    signals, targets, positive
        ``(n, time, leads)``, ``(n, classes)`` probabilities to learn, ``(n,)`` the class.
    how
        ``weights``: each record weighs inversely to the size of its class. ``undersample``: drop records of the larger
        class at random. ``oversample``: repeat records of the smaller. ``smote``: interpolate between neighbours of
        the smaller, sample by sample (Chawla et al. 2002, doi 10.1613/jair.953); the targets go along.
    seed
        Of the random choices.

    Returns
    -------
    signals, targets, weights
        Of the balanced set.

    Raises
    ------
    RequestError
        If the smaller class has too few records for SMOTE.
    MissingExtraError
        If imbalanced-learn is not installed.
    """
    n, n_positive = len(positive), int(np.count_nonzero(positive))
    if how == "weights":
        of_class = n / 2.0 / np.array([n - n_positive, n_positive])
        return signals, targets, of_class[positive.astype(int)].astype(np.float32)
    try:
        from imblearn.over_sampling import SMOTE, RandomOverSampler
        from imblearn.under_sampling import RandomUnderSampler
    except ImportError as error:
        raise MissingExtraError(f"balancing by {how}", "train") from error

    if how == "smote":
        # Targets ride along as columns, so that a soft target is interpolated as its signal is.
        flat = np.concatenate([signals.reshape(n, -1), targets], axis=1)
        try:
            flat, _ = SMOTE(random_state=seed).fit_resample(flat, positive)
        except ValueError as error:
            raise RequestError(
                f"cannot balance {n_positive} IMI and {n - n_positive} NORM records by smote: more than 5 of each are "
                "needed; take weights, undersample or oversample"
            ) from error
        width = targets.shape[1]
        signals, targets = flat[:, :-width].reshape(-1, *signals.shape[1:]), flat[:, -width:]
        return signals, targets, np.ones(len(signals), dtype=np.float32)
    sampler = (RandomUnderSampler if how == "undersample" else RandomOverSampler)(random_state=seed)
    chosen, _ = sampler.fit_resample(np.arange(n)[:, None], positive)
    return signals[chosen[:, 0]], targets[chosen[:, 0]], np.ones(len(chosen), dtype=np.float32)
