"""Text that does nothing to a terminal or to the lines of a log, whoever it is from."""

# Control characters but tab and newline; those of Unicode, and what turns a line's direction.
_ODD = (*range(9), *range(11, 32), *range(127, 160), 0x61C, *range(0x200E, 0x2010))
_ODD = (*_ODD, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF, *range(0xD800, 0xE000))
_SHOWN = {code: f"\\x{code:02x}" if code < 32 else f"\\u{code:04x}" for code in _ODD}


def printable(text: str) -> str:
    r"""The same with what cannot be seen shown as in Python and JSON; newlines stay.

    >>> print(printable("red \x1b[31m, back \u202e, next \x85 line"))
    red \x1b[31m, back \u202e, next \u0085 line
    """
    return text.translate(_SHOWN)


def one_record(text: str) -> str:
    r"""Printable, and further lines indented: none can be taken for a record of its own.

    >>> print(one_record("topic\nERROR forged"))
    topic
        ERROR forged
    """
    return printable(text).replace("\n", "\n    ")
