"""Amounts: counts and sizes as people write them, in every sentence and table of jobd."""

_UNITS = ("", "K", "M", "G")


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 job`` or ``10,000 jobs``; ``many``: where it is not ``one`` and an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def size_words(size_bytes: float) -> str:
    """Return a size in powers of 1024, as the configuration takes it: ``512M``, ``1.5G``, ``0``."""
    value = float(size_bytes)
    for unit in _UNITS:
        if value < 1024:
            return f"{value:.1f}".removesuffix(".0") + unit
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + "T"
