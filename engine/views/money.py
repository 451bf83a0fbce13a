"""Money as people read it. Everywhere else it is integer minor units beside its currency."""

from __future__ import annotations

_WHOLE = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
_THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_DECIMALS = dict.fromkeys(_WHOLE, 0) | dict.fromkeys(_THOUSANDTHS, 3)
"""ISO 4217: the currencies whose minor unit is not a hundredth."""


def money(amount: int, currency: str) -> str:
    """Minor units → `1,234.56 CNY`, with as many decimals as the currency has."""
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**decimals)
    text = f"{'-' if amount < 0 else ''}{whole:,}" + (f".{part:0{decimals}d}" if decimals else "")
    return f"{text} {currency}".rstrip()
