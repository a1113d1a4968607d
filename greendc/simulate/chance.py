"""Chance by name and number, without a state: any reading's can be had by itself.

Plain 64-bit integers, so the same on any machine.
"""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray

UIntArray = npt.NDArray[np.uint64]
FloatArray = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def seed_of(seed: int, name: str) -> int:
    """64 bits that belong to a seed and a name.

    >>> seed_of(1, "noise it") == seed_of(1, "noise it"), seed_of(1, "a") == seed_of(2, "a")
    (True, False)
    """
    return int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "little")


def uniform(random: int) -> float:
    """A number in [-1, 1) of 64 bits.

    >>> uniform(0), uniform(3 << 62)
    (-1.0, 0.5)
    """
    return (random >> 11) * 2.0**-52 - 1.0


def bits(seeds: npt.ArrayLike, numbers: IntArray) -> UIntArray:
    """64 random bits for each number (rows) of each seed (columns).

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
       OOPSLA 2014: SplitMix64.

    Examples
    --------
    The generator's first numbers from the seed 0:

    >>> [hex(number) for number in bits([0], np.array([1, 2]))[:, 0].tolist()]
    ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']
    """
    found: UIntArray = np.asarray(seeds, np.uint64) + numbers.astype(np.uint64)[:, None] * _GOLDEN
    found ^= found >> np.uint64(30)
    found *= _MIX_1
    found ^= found >> np.uint64(27)
    found *= _MIX_2
    found ^= found >> np.uint64(31)
    return found


def swing(random: UIntArray) -> FloatArray:
    """Uniform in [-1, 1), of the upper 32 bits."""
    found: FloatArray = (random >> np.uint64(32)).astype(np.float64) * 2.0**-31 - 1.0
    return found


def whole(random: UIntArray, most: npt.ArrayLike) -> IntArray:
    """Whole numbers from 0 to `most`, which is below 2^24, of the lower 32 bits."""
    low = (random & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    found: IntArray = (low * (np.asarray(most, np.int64) + 1)) >> 32
    return found
