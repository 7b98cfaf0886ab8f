"""Templates of the operator, in place of ours; and the files that pages load."""

from pathlib import Path

import pytest

from tests.driving import Server, serving
from tests.web.visitor import Visitor


async def served(folder: Path, **files: str) -> Path:
    home = folder / "templates"
    for name, text in files.items():
        file = home / "pages" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return home


async def test_an_operators_template_takes_the_place_of_ours(tmp_path: Path) -> None:
    home = await served(
        tmp_path,
        sign_in_dot_html='{% extends "layout.html" %}{% block main %}<h1>Ours</h1>{% endblock %}',
    )
    async with serving(tmp_path, templates=home) as server:
        assert "<h1>Ours</h1>" in (await Visitor(server).look("/sign-in")).answer.text
        assert (await Visitor(server).look("/register")).forms


@pytest.mark.parametrize("broken", ["{% block %}", "{{ nowhere }}", "{{ 1 / 0 }}"])
async def test_one_that_fails_is_logged_and_ours_is_shown(tmp_path: Path, broken: str) -> None:
    home = await served(tmp_path, sign_in_dot_html=broken)
    async with serving(tmp_path, templates=home) as server:
        page = await Visitor(server).look("/sign-in")
        assert page.form("/sign-in").names
        told = [fields for event, fields in server.log.events if event == "template_failed"]
        assert [fields["template"] for fields in told] == ["sign_in.html"]


@pytest.mark.parametrize(
    "attack", ["{{ ''.__class__.__mro__ }}", "{{ say.__globals__ }}", "{{ account.__init__ }}"]
)
async def test_i08_a_template_reaches_nothing_but_its_facts(tmp_path: Path, attack: str) -> None:
    home = await served(tmp_path, sign_in_dot_html=attack)
    async with serving(tmp_path, templates=home) as server:
        page = await Visitor(server).look("/sign-in")
        assert page.form("/sign-in").names
        assert "class" not in page.answer.text.split("<main")[0].replace('class="', "")


async def test_the_operators_words_are_said(tmp_path: Path) -> None:
    home = await served(tmp_path, languages__fr_dot_toml='"Sign in" = "Se connecter"\n')
    async with serving(tmp_path, templates=home) as server:
        visitor = Visitor(server, **{"Accept-Language": "fr"})
        page = await visitor.look("/sign-in")
        assert (page.language, page.title.split(" ·")[0]) == ("fr", "Se connecter")


@pytest.mark.parametrize(
    "broken",
    [
        '"Make an account" = ',
        '"At least {count} characters; a few words in a row work well." = "{other}"',
        '"At least {count} characters; a few words in a row work well." = "{count.real}"',
        '"At least {count} characters; a few words in a row work well." = "{"',
        '"Make an account" = 3',
        '["Make an account"]\nde = "Konto anlegen"',
    ],
)
async def test_words_that_cannot_be_said_are_logged_and_ours_are_said(
    tmp_path: Path, broken: str
) -> None:
    """A misprint in one text would have taken every page away, the sign-in among them."""
    home = await served(tmp_path, languages__en_dot_toml=broken)
    async with serving(tmp_path, templates=home) as server:
        page = await Visitor(server).look("/register")
        assert page.title.startswith("Make an account")
        assert "At least 12 characters" in page.text
        told = [fields for event, fields in server.log.events if event == "template_failed"]
        assert [fields["template"] for fields in told] == ["en.toml"]


async def test_name_colour_and_logo_are_the_operators(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    async with serving(tmp_path, service_name="Acme", color="#112233", logo=logo) as server:
        page = await Visitor(server).look("/sign-in")
        assert page.title.endswith("· Acme")
        loaded = [link for link in page.links if link.startswith("/assets/")]
        assert any(link.startswith("/assets/logo.svg?v=") for link in loaded)
        texts = [(await server.client().get(link)).text for link in loaded]
        assert any("--accent:#112233" in text for text in texts)


async def test_a_logo_that_is_gone_takes_no_page_with_it(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    async with serving(tmp_path, logo=logo) as server:
        logo.unlink()
        page = await Visitor(server).look("/sign-in")
        assert page.status == 200
        assert [f["template"] for e, f in server.log.events if e == "template_failed"] == [
            logo.name
        ]


async def test_a_file_of_a_page_is_kept_for_a_year_and_named_anew_when_it_changes(
    server: Server,
) -> None:
    page = await Visitor(server).look("/sign-in")
    for link in [link for link in page.links if link.startswith("/assets/")]:
        answer = await server.client().get(link)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["nothing.css", "..%2frendering.py", "layout.html", "pages.css/x"])
async def test_i06_there_is_no_other_file(server: Server, name: str) -> None:
    assert (await server.client().get(f"/assets/{name}")).status_code == 404


async def test_p04_a_page_tells_other_sites_nothing_of_where_somebody_was(server: Server) -> None:
    for path in ("/sign-in", "/reset-password", "/nowhere"):
        answer = (await Visitor(server).look(path)).answer
        assert answer.headers.get_list("referrer-policy") == ["same-origin"]


async def test_x04_a_page_lets_no_script_style_or_frame_in(server: Server) -> None:
    answer = (await Visitor(server).look("/sign-in")).answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
