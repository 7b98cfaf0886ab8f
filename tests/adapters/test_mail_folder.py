"""Mail as files: whole, private, each once."""

import stat
from pathlib import Path

import pytest

from watchword.adapters.email_message import MessageWriter
from watchword.adapters.mail_folder import MailFolder
from watchword.domain.letters import MailDelayed, MailRefused
from watchword.domain.mail import Mailbox
from watchword.ports.mail import Composed, Mail
from watchword.testing import FakeClock

LINK = "https://auth.example.com/verify-email#token=wwl_c4n4ry"


def mail(mail_id: str = "018cc251f400aaaa", subject: str = "Hello") -> Mail:
    return Mail(mail_id, "ada@example.com", Composed(subject, f"{LINK}\n", "<p></p>\n"))


class Console(list[tuple[str, Path]]):
    def tell(self, recipient: str, file: Path) -> None:
        self.append((recipient, file))


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def folder_at(path: Path, console: Console | None = None) -> MailFolder:
    write = MessageWriter(Mailbox("Acme", "no-reply@localhost"), FakeClock()).write
    return MailFolder(path, write, (console if console is not None else Console()).tell)


class TestAFolder:
    async def test_gets_a_file_that_can_be_opened(self, tmp_path: Path) -> None:
        await folder_at(tmp_path / "mail").send(mail())
        (file,) = files(tmp_path / "mail")
        assert file.name == "018cc251f400aaaa.eml"
        content = file.read_bytes()
        assert b"To: ada@example.com\r\n" in content
        assert LINK.encode() in content

    async def test_is_for_nobody_else(self, tmp_path: Path) -> None:
        await folder_at(tmp_path / "data" / "mail").send(mail())
        (file,) = files(tmp_path / "data" / "mail")
        assert (mode(file.parent), mode(file)) == (0o700, 0o600)

    async def test_has_each_mail_once(self, tmp_path: Path) -> None:
        mailer = folder_at(tmp_path)
        await mailer.send(mail(subject="first"))
        await mailer.send(mail(subject="second"))
        (file,) = files(tmp_path)
        assert b"Subject: second" in file.read_bytes()

    async def test_sorts_by_time(self, tmp_path: Path) -> None:
        mailer = folder_at(tmp_path)
        for mail_id in ("018cc251f401aaaa", "018cc251f400ffff"):
            await mailer.send(mail(mail_id))
        names = [path.name for path in files(tmp_path)]
        assert names == ["018cc251f400ffff.eml", "018cc251f401aaaa.eml"]

    async def test_tells_where_the_mail_is_and_not_what_is_in_it(self, tmp_path: Path) -> None:
        console = Console()
        await folder_at(tmp_path, console).send(mail())
        assert console == [("ada@example.com", tmp_path / "018cc251f400aaaa.eml")]
        assert "c4n4ry" not in repr(console)

    async def test_that_cannot_be_written_to_delays_the_mail(self, tmp_path: Path) -> None:
        (tmp_path / "mail").write_text("in the way")
        console = Console()
        with pytest.raises(MailDelayed, match="mail: "):
            await folder_at(tmp_path / "mail", console).send(mail())
        assert console == []

    async def test_is_never_left(self, tmp_path: Path) -> None:
        with pytest.raises(MailRefused):
            await folder_at(tmp_path / "mail").send(mail("../outside"))
        assert files(tmp_path) == []

    async def test_keeps_the_earlier_file_when_the_disk_is_full(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mailer = folder_at(tmp_path)
        await mailer.send(mail())
        before = (tmp_path / "018cc251f400aaaa.eml").read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(MailDelayed, match="No space left"):
            await mailer.send(mail(subject="later"))
        assert files(tmp_path) == [tmp_path / "018cc251f400aaaa.eml"]
        assert (tmp_path / "018cc251f400aaaa.eml").read_bytes() == before
