"""What a database says of an address, and what a file that is none, or a broken one, may do."""

import os
import shutil
from pathlib import Path

import pytest

from tests.adapters.maxmind.archives import CITIES, DAMAGED, LINKOEPING, LONDON, MMDB
from watchword.adapters.maxmind import DatabaseUnusable, MaxMindPlaces, open_database
from watchword.adapters.maxmind.records import place_of
from watchword.domain.places import Anonymiser, Coordinates, Place

SWEDEN = Place(
    city="Linköping",
    country="Sweden",
    country_code="SE",
    coordinates=Coordinates(58.4167, 15.6167, 76),
)


class Shelf:
    """A database that a test puts where it is looked for, and what was complained of."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "places.mmdb"
        self.folder = folder / "geo"
        self.complaints: list[str] = []
        self.places = MaxMindPlaces(self.file, self.folder, self.complaints.append)

    def put(self, content: bytes) -> None:
        """As it should be done: whole, under another name first."""
        draft = self.file.with_name("draft")
        draft.write_bytes(content)
        draft.replace(self.file)

    async def find(self, ip: str) -> Place | None:
        await self.places.look()
        return self.places.find(ip)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


class TestAnAddress:
    async def test_is_where_the_database_says(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        assert await shelf.find(LINKOEPING) == SWEDEN
        assert shelf.places.find("2001:218::1") == Place(
            country="Japan", country_code="JP", coordinates=Coordinates(35.68536, 139.75309, 100)
        )

    async def test_of_ipv4_within_ipv6_is_where_it_is_by_itself(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        assert await shelf.find(f"::ffff:{LINKOEPING}") == SWEDEN

    @pytest.mark.parametrize("ip", ["10.0.0.1", "fe80::1", "fe80::1%eth0", "", "unix", "1.2.3.4.5"])
    async def test_that_says_nothing_is_nowhere_and_no_fault(self, shelf: Shelf, ip: str) -> None:
        shelf.put(CITIES)
        assert await shelf.find(ip) is None
        assert shelf.complaints == []

    async def test_of_ipv6_is_nowhere_in_a_database_of_ipv4(self, shelf: Shelf) -> None:
        shelf.put((MMDB / "MaxMind-DB-test-ipv4-24.mmdb").read_bytes())
        assert await shelf.find("2001:218::1") is None
        assert shelf.complaints == []

    async def test_hides_whom_the_database_says_it_hides(self, shelf: Shelf) -> None:
        shelf.put((MMDB / "GeoIP2-Anonymous-IP-Test.mmdb").read_bytes())
        found = await shelf.find("1.2.0.1")
        assert found == Place(anonymisers=frozenset({Anonymiser.VPN}))
        assert not found.is_named


class TestARecord:
    def test_of_other_types_is_left_out_field_by_field(self) -> None:
        strange = {
            "city": {"names": {"en": 7}},
            "country": {"names": ["Sweden"], "iso_code": "se"},
            "location": {"latitude": 91.0, "longitude": 0.0},
            "traits": {"is_tor_exit_node": "yes"},
        }
        assert place_of(strange) is None
        assert place_of(197_379) is None
        assert place_of({"location": {"latitude": float("nan"), "longitude": 0.0}}) is None

    def test_keeps_what_it_can_of_coordinates(self) -> None:
        near = {"latitude": 1.0, "longitude": 2.0, "accuracy_radius": -3}
        assert place_of({"location": near}) == Place(coordinates=Coordinates(1.0, 2.0))

    def test_that_names_an_anonymiser_of_no_kind_says_so(self) -> None:
        for flag in ("is_anonymous", "is_anonymous_proxy"):
            assert place_of({"traits": {flag: True}}) == Place(
                anonymisers=frozenset({Anonymiser.OTHER})
            )

    def test_i08_gives_names_that_are_one_short_line(self) -> None:
        found = place_of({"city": {"names": {"en": "A\r\nBcc: b" + "c" * 1_000}}})
        assert found is not None
        assert found.city is not None
        assert found.city.isprintable()
        assert len(found.city) == 100


class TestWithoutADatabase:
    async def test_nothing_is_known_and_nothing_is_wrong(self, shelf: Shelf) -> None:
        assert shelf.places.find(LONDON) is None
        assert await shelf.find(LONDON) is None
        assert shelf.complaints == []
        assert not shelf.folder.exists()


class TestANewFile:
    async def test_is_taken_over_at_the_next_look(self, shelf: Shelf) -> None:
        assert await shelf.find(LONDON) is None
        shelf.put(CITIES)
        assert shelf.places.find(LONDON) is None
        assert await shelf.find(LONDON) is not None

    async def test_takes_what_the_former_one_remembered_with_it(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        assert await shelf.find(LONDON) is not None
        shelf.put((MMDB / "MaxMind-DB-test-ipv4-24.mmdb").read_bytes())
        assert await shelf.find(LONDON) is None

    async def test_that_is_gone_says_no_more(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        await shelf.find(LONDON)
        shelf.file.unlink()
        assert await shelf.find(LONDON) is None

    async def test_that_is_broken_leaves_the_former_one_in_force(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        await shelf.find(LONDON)
        shelf.put(CITIES[:-500])
        assert await shelf.find(LONDON) is not None
        await shelf.places.look()
        assert shelf.complaints == [f"{shelf.file} is no sound MaxMind database."]

    async def test_that_cannot_be_read_is_told_of(self, shelf: Shelf) -> None:
        shelf.file.mkdir()
        assert await shelf.find(LONDON) is None
        await shelf.places.look()
        assert shelf.complaints == [f"{shelf.file} cannot be read (Is a directory)."]

    async def test_is_read_as_soon_as_there_is_room_for_a_copy(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        shelf.folder.write_text("a file in its place")
        assert await shelf.find(LONDON) is None
        shelf.folder.unlink()
        assert await shelf.find(LONDON) is not None

    async def test_of_the_same_size_and_time_is_told_apart(self, shelf: Shelf) -> None:
        """As `rsync --times` leaves it, written in place."""
        shelf.put(CITIES)
        await shelf.places.look()
        before = shelf.file.stat()
        shelf.file.write_bytes(CITIES.replace(b"Sweden", b"Norway"))
        os.utime(shelf.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        found = await shelf.find(LINKOEPING)
        assert found is not None
        assert found.country == "Norway"

    async def test_that_is_the_same_is_not_opened_again(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        await shelf.places.look()
        first = shelf.places.database
        await shelf.places.look()
        assert shelf.places.database is first


class TestTheFileInUse:
    async def test_may_be_cut_and_overwritten_in_place(self, shelf: Shelf) -> None:
        """Mapped directly, either would end the process with SIGBUS."""
        shelf.put(CITIES)
        await shelf.places.look()
        os.truncate(shelf.file, 0)
        assert shelf.places.find(LONDON) is not None
        shelf.file.write_bytes(b"\0" * len(CITIES))
        assert shelf.places.find(LINKOEPING) == SWEDEN

    async def test_leaves_no_copy_with_a_name(self, shelf: Shelf) -> None:
        shelf.put(CITIES)
        await shelf.places.look()
        assert list(shelf.folder.iterdir()) == []

    async def test_sweeps_away_copies_that_a_killed_process_left(self, shelf: Shelf) -> None:
        shelf.folder.mkdir()
        old, new = (shelf.folder / f".places.mmdb.{name}.watchword-mapped" for name in ("a", "b"))
        for copy in (old, new):
            copy.touch()
        an_hour_ago = new.stat().st_mtime - 3_601
        os.utime(old, (an_hour_ago, an_hour_ago))
        shelf.put(CITIES)
        await shelf.places.look()
        assert list(shelf.folder.iterdir()) == [new]


class TestADamagedDatabase:
    @pytest.mark.parametrize("file", DAMAGED, ids=lambda file: file.stem)
    async def test_is_refused_or_knows_nothing(self, shelf: Shelf, file: Path) -> None:
        """Those that a reader without bounds would spend hours or gigabytes on are among them."""
        shutil.copyfile(file, shelf.file)
        for ip in ("1.1.1.1", LONDON, "::1", "2001:218::1", "255.255.255.255"):
            assert await shelf.find(ip) is None
        if shelf.places.database is None:
            assert len(shelf.complaints) == 1

    async def test_complains_of_damage_inside_once(self, shelf: Shelf) -> None:
        """Of a record that no sample met."""
        shelf.put(CITIES.replace(b"London", b"\x82ondon"))
        await shelf.places.look()
        assert shelf.complaints == []
        assert shelf.places.find(LONDON) is None
        assert shelf.places.find(LONDON) is None
        assert shelf.places.find(LINKOEPING) == SWEDEN
        assert shelf.complaints == [f"{shelf.file} is damaged (UnicodeDecodeError)."]

    def test_has_the_time_that_it_can_have(self, tmp_path: Path) -> None:
        file = MMDB / "damaged" / "libmaxminddb-uint64-max-epoch.mmdb"
        assert open_database(file, tmp_path).about.built_at == 0

    def test_has_no_records_that_take_milliseconds(self, tmp_path: Path) -> None:
        file = MMDB / "damaged" / "MaxMind-DB-test-decoder-value-limit-pointer-heavy.mmdb"
        with pytest.raises(DatabaseUnusable, match="larger than any place"):
            open_database(file, tmp_path)

    def test_that_is_too_large_is_not_copied(self, tmp_path: Path) -> None:
        huge = tmp_path / "huge.mmdb"
        huge.touch()
        os.truncate(huge, 2**30 + 1)
        with pytest.raises(DatabaseUnusable, match="larger than any"):
            open_database(huge, tmp_path)
