"""Files that are nearly right: real ones with bits flipped, pieces moved, numbers made absurd, or cut short."""

from hypothesis import strategies as st

# What length fields and counts look like when somebody means harm.
_NUMBERS = [
    0,
    1,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**40,
    2**63 - 1,
    2**64 - 1,
]
_WORDS = [
    b"..", b"/", b"../../beside.txt", b"/tmp/advbench-escaped", b"\0", b"\x1b[2J", b"\xff\xfe", b"\xe2\x80\xae", b"nan",
    b"inf", b"-1", b"1e999", b"9" * 400, b"[" * 3000, b"{\"a\":" * 2000, b"%", b"\r\n", b",", b";", b"\t", b"\"", b"'",
    b"null", b"true", b"\\u0000", b"\xed\xa0\x80",
]  # fmt: skip


@st.composite
def mutated(draw, seeds):
    """One of the seeds after up to six changes, or any bytes at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        _change(draw, data)
    return bytes(data)


def _change(draw, data):
    at = draw(st.integers(0, max(0, min(len(data), draw(st.sampled_from([16, 128, 1 << 20]))) - 1)))
    match draw(st.integers(0, 6)):
        case 0 if data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        case 1 if data:
            data[at] = draw(st.integers(0, 255))
        case 2:
            data[at:at] = draw(st.sampled_from(_WORDS))
        case 3:
            width, order = draw(st.sampled_from([2, 4, 8])), draw(st.sampled_from(["little", "big"]))
            number = draw(st.sampled_from(_NUMBERS)) % (1 << 8 * width)
            data[at : at + width] = number.to_bytes(width, order)
        case 4:
            del data[at : at + draw(st.integers(1, 64))]
        case 5:
            piece = data[at : at + draw(st.integers(1, 64))]
            data[at:at] = piece * draw(st.integers(1, 4))
        case _:
            del data[at:]
