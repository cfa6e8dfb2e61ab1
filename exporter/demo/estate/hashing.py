"""Randomness without state: the same integers in, the same number out, on every machine."""

from hashlib import blake2b
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX: Final = 0xBF58476D1CE4E5B9
"""Increment and first multiplier of the public-domain SplitMix64 generator."""
_HALF_RANGE: Final = float(1 << 63)


def mix(seed: int, number: int) -> int:
    """Return 64 well-spread bits of a pair of integers."""
    bits = ((seed ^ number) * _GOLDEN) & _MASK
    bits ^= bits >> 29
    bits = (bits * _MIX) & _MASK
    return bits ^ (bits >> 32)


def noise(seed: int, number: int) -> float:
    """Return a number in [-1, 1] that looks random."""
    return mix(seed, number) / _HALF_RANGE - 1.0


def share(seed: int, number: int) -> float:
    """Return a number in [0, 1] that looks random."""
    return (noise(seed, number) + 1.0) / 2.0


def seed_of(text: str) -> int:
    """Return the seed of a name."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
