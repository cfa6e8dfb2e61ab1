"""What the licences of the shipped tables ask for reaches whoever gets the tables."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTICE = (ROOT / "NOTICE").read_text()
SOURCES = (ROOT / "exporter/data/SOURCES.md").read_text()
LICENCES = re.findall(r"^\* \*\*Licence\*\*: (.*?)(?=^\* \*\*)", SOURCES, re.MULTILINE | re.DOTALL)
HOLDERS = {
    " ".join(holder.split())
    for licence in LICENCES
    for holder in re.findall(r"©\s+(?:\d{4}\s+)?([^,.;(]+)", licence)
}


@pytest.mark.parametrize("holder", sorted(HOLDERS))
def test_the_notice_names_each_holder_of_a_right(holder: str) -> None:
    assert holder in " ".join(NOTICE.split())


def test_the_notice_speaks_of_each_licence_that_asks_for_it() -> None:
    assert {"Electricity Maps", "Ember", "Teads Engineering"} <= HOLDERS
    asked = {name for name in ("ODbL", "CC BY 4.0", "MIT") if any(name in one for one in LICENCES)}
    assert asked == {name for name in ("ODbL", "CC BY 4.0", "MIT") if name in NOTICE}
    for address in ("opendatacommons.org/licenses/odbl/1-0", "creativecommons.org/licenses/by/4.0"):
        assert address in NOTICE


@pytest.mark.parametrize("project", ["CodeCarbon", "cloud-energy"])
def test_the_notice_holds_the_copyright_of_what_is_under_the_mit_licence(project: str) -> None:
    assert project in SOURCES
    assert re.search(rf"^{project} \(.*\)\nCopyright \(c\) \d{{4}} ", NOTICE, re.MULTILINE)
    assert "The above copyright notice and this permission notice shall be included" in NOTICE


def test_wheel_and_source_archive_hold_licence_notice_and_sources(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "hatchling", "build", "-d", tmp_path)
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    (archive,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as inside:
        for name in ("LICENSE", "NOTICE"):
            (path,) = [n for n in inside.namelist() if n.endswith(f".dist-info/licenses/{name}")]
            assert inside.read(path) == (ROOT / name).read_bytes()
        assert "exporter/data/SOURCES.md" in inside.namelist()
    with tarfile.open(archive) as inside:
        names = {name.partition("/")[2] for name in inside.getnames()}
    assert {"LICENSE", "NOTICE", "exporter/data/SOURCES.md"} <= names


def test_the_image_holds_licence_and_notice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in project["license-files"]:
        assert f"!{name}" in ignored
    assert "\nCOPY LICENSE NOTICE /usr/share/doc/carbon-exporter/\n" in dockerfile
