"""A run's graph as an SVG file: sound XML, nothing loaded, whatever the names are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from flowtui.model import Changes, Graph, Ms, Node, RunDescription
from flowtui.report.svg import svg
from flowtui.store import RunStore
from flowtui.theme import Look
from tests.runs import RecordedRun
from tests.test_report import hostile, store_of

SVG = "{http://www.w3.org/2000/svg}"
GREEN, DIM = "#7ec97e", "#757a84"


def texts(picture: str) -> dict[str, dict[str, str]]:
    """What is written in the picture, with the attributes it has."""
    found = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return {"".join(text.itertext()): text.attrib for text in found}


def test_names_stand_in_the_colours_of_their_states(runs: dict[str, RecordedRun]) -> None:
    picture = svg(store_of(runs["switch"]), Look())
    written = texts(picture)
    assert written["✓ start"]["fill"] == GREEN
    assert written["– slow"]["fill"] == DIM
    assert (written["slow"]["opacity"], written["fast"]["font-style"]) == ("0.6", "italic")
    assert runs["switch"].pathspec in written


def test_lines_and_bars_are_drawn(runs: dict[str, RecordedRun]) -> None:
    picture = ElementTree.fromstring(svg(store_of(runs["catch"]), Look()))
    assert not {"│", "─", "▆"} & {*"".join(picture.itertext())}
    bars = [bar for bar in picture.iter(f"{SVG}rect") if bar.get("height") == "12"]
    assert [bar.get("fill") for bar in bars] == [GREEN, GREEN]
    assert {path.get("stroke") for path in picture.iter(f"{SVG}path")} >= {GREEN, "#e0e0e0"}


def test_all_of_it_is_within_the_picture(runs: dict[str, RecordedRun]) -> None:
    for name in ("nested_foreach", "parallel", "loop"):
        picture = ElementTree.fromstring(svg(store_of(runs[name]), Look()))
        width, height = (int(picture.attrib[side]) for side in ("width", "height"))
        for text in picture.iter(f"{SVG}text"):
            assert int(text.attrib["x"]) + int(text.attrib["textLength"]) < width
            assert int(text.attrib["y"]) < height


def test_it_is_sound_xml_that_loads_nothing_whatever_the_names_are() -> None:
    picture = svg(hostile(), Look())
    root = ElementTree.fromstring(picture)
    assert {tag.tag.removeprefix(SVG) for tag in root.iter()} <= {
        *("svg", "title", "style", "rect", "g", "text", "path")
    }
    assert "url(" not in picture
    assert re.findall('https?://[^"]*', picture) == ["http://www.w3.org/2000/svg"]


def test_markup_and_odd_characters_in_names_are_letters() -> None:
    name = "</text><script>alert(1)</script>&amp;]]>\ufffe\uffff\x00\ud800"
    graph = Graph((Node(name, "end"),), name, name)
    store = RunStore(RunDescription("F<&>\"'", "1", "made up", graph=graph))
    store.apply(Changes(Ms(1)))
    root = ElementTree.fromstring(svg(store, Look()))
    assert not list(root.iter(f"{SVG}script"))
    assert any("</text><script>" in text for text in root.itertext())


def test_a_wide_name_keeps_its_width() -> None:
    graph = Graph((Node("日本語", "end"),), "日本語", "日本語")
    store = RunStore(RunDescription("F", "1", "made up", graph=graph))
    assert texts(svg(store, Look()))["· 日本語"]["textLength"] == str(9 * 8)


def test_a_run_without_a_graph_has_its_headline() -> None:
    assert "· pending" in texts(svg(RunStore(RunDescription("F", "1", "made up")), Look()))
