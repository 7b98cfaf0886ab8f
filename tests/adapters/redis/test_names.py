"""Every key of one call lies in one slot of a Redis Cluster, whatever is counted under it."""

from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.redis.names import Names, root_of

_SLOTS = 16_384
NAMES = Names()
KEYS = st.text(st.sampled_from("ab:{}%é "), min_size=1, max_size=8)


def slot(key: str) -> int:
    """The cluster specification's: CRC16 (XMODEM) of what stands in the first braces, if anything
    does, else of all.
    """
    _, _, rest = key.partition("{")
    tag, brace, _ = rest.partition("}")
    crc = 0
    for byte in (tag if tag and brace else key).encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc % _SLOTS


class TestSlots:
    def test_they_are_computed_as_the_specification_does(self) -> None:
        assert slot("123456789") == 0x31C3 % _SLOTS
        assert slot("{user1000}.following") == slot("{user1000}.followers")

    @given(key=KEYS)
    def test_a_key_is_placed_by_what_it_counts(self, key: str) -> None:
        assert slot(NAMES.limit(key)) == slot(f"x{{{NAMES.limit(key)[17:-1]}}}")
        assert slot(NAMES.lockouts(key)) == slot(f"x{{{NAMES.lockouts(key)[20:-1]}}}")

        assert slot(NAMES.session(key)) == slot(f"x{{{NAMES.session(key)[19:-1]}}}")

    @given(one=KEYS, other=KEYS)
    def test_what_is_counted_apart_lies_apart(self, one: str, other: str) -> None:
        assert (NAMES.limit(one) == NAMES.limit(other)) == (one == other)

    @given(root=st.from_regex(r"\A(account|address):[^:]+\Z"), below=st.text(max_size=8))
    def test_an_account_and_its_devices_lie_together(self, root: str, below: str) -> None:
        together = {NAMES.lockouts(root_of(key)) for key in (root, f"{root}:", f"{root}:{below}")}
        assert len(together) == 1
