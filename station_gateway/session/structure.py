"""What a JSON text is built of, found without a look at each of its values.

A station may send hundreds of thousands of values in one frame. Python takes milliseconds to walk
over them, and the event loop serves nobody meanwhile. So everything here is done by a few passes
over the bytes that run in C.
"""

import re

_BESIDES = bytes(set(range(256)) - set(b'[]{},"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_ESCAPED_COLON = re.compile(rb"\\(?:\\|u003[aA])")


def skeleton(text: bytes) -> bytes:
    """The brackets and commas of a JSON text, but for those inside its strings. { counts as [."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    bones = text.translate(_ONE_KIND, _BESIDES)
    # What is left of most strings is a pair of quotes. Two strings side by side may become one:
    # what is outside of them stays the same.
    return b"".join(bones.replace(b'""', b"").split(b'"')[::2])


def is_deeper(bones: bytes, levels: int) -> bool:
    """Whether the arrays and objects of a skeleton are nested deeper than this."""
    brackets = bones.replace(b",", b"")
    for _ in range(levels):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost ones
    return bool(brackets)


def loses_pairs(text: bytes, again: bytes) -> bool:
    """Whether a JSON text has a key twice, so that a pair is missing where it is written again.

    again: what was parsed, written by a parser that keeps one pair of each key. Each pair has a
    colon, and those inside strings are the same in both, where they are not escaped.
    """
    colons = text.count(b":")
    if b"\\u003" in text:
        colons += sum(found != b"\\\\" for found in _ESCAPED_COLON.findall(text))
    return colons != again.count(b":")
