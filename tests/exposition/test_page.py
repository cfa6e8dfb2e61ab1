"""What can be said of the page without a browser: self-contained, safe, complete."""

import re

from exporter.exposition.page import page_bodies

PAGE = {path: body.plain.decode() for path, body in page_bodies().items()}
SCRIPTS = {path: text for path, text in PAGE.items() if path.endswith(".js")}


def test_page_asks_nobody_but_its_own_server() -> None:
    for path, text in PAGE.items():
        outside = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text)
        assert set(outside) <= {"http://www.w3.org/2000/svg"}, path


def test_page_has_nothing_inline_that_the_policy_would_refuse() -> None:
    html = PAGE["/"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)


def test_scripts_never_turn_text_into_markup_or_code() -> None:
    for path, text in SCRIPTS.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), path


def test_every_file_that_the_page_names_is_served() -> None:
    named = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', PAGE["/"]))
    imported = {f"/page/{name}" for t in SCRIPTS.values() for name in re.findall(r'"\./(.+?)"', t)}
    assert named | imported == set(PAGE) - {"/"}


def test_every_element_that_the_scripts_fill_is_on_the_page() -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', PAGE["/"]))
    script = PAGE["/page/page.js"]
    used = set(re.findall(r'\b(?:by|put)\("([^"]+)"', script))
    assert used
    assert used <= ids
