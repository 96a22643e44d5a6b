import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from modality_translate.errors import MissingExtraError, TranslationError
from modality_translate.evaluation.report import Flicker, Panel, ReportContent, outliers, render, strip, write_report
from modality_translate.evaluation.results import Case, Evaluation

PNG = b"\x89PNG\r\n\x1a\n picture"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def content(evaluation):
    return ReportContent(
        "MR to CT",
        evaluation,
        [Panel("case5", PNG, "bones first", Flicker(PNG, PNG))],
        {"water": {"mae": 208.0}},
        [("loss curves", SVG)],
        ["few cases"],
        "Intended use: research",
    )


class Tags(HTMLParser):
    """Every start tag of a page with its attributes, and whether all that opened was closed."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, page):
        super().__init__()
        self.tags, self.stack = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def test_the_page_is_well_formed_and_asks_no_one_for_anything(content):
    page = Tags(render(content))
    assert page.stack == []
    addresses = [attrs[key] for _, attrs in page.tags for key in ("src", "href") if key in attrs]
    assert len(addresses) == 4
    assert all(address.startswith("data:image/") for address in addresses)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "form")]
    assert "url(" not in render(content)


def test_the_policy_allows_this_style_sheet_and_nothing_from_outside(content):
    import base64
    import hashlib

    page = render(content)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'" in page
    assert " style=" not in page


def test_every_picture_has_a_description(content):
    images = [attrs for tag, attrs in Tags(render(content)).tags if tag == "img"]
    assert all(image["alt"] for image in images)


def test_the_page_says_what_a_reader_must_know(content):
    page = render(content)
    for words in (
        "Synthetic images. Research use, not for diagnosis.",
        "few cases",
        "on another grid than the reference",
        "lonely",
        "bones first",
        "208.00",
        "loss curves",
        "10 log10",
        "scikit-image",
        "Intended use: research",
    ):
        assert words in page
    assert page.index("on another grid") < page.index("Summary")


@pytest.mark.parametrize("place", ["title", "card", "case", "caption", "note", "baseline"])
def test_no_text_becomes_markup(evaluation, place):
    panel = Panel(HOSTILE, PNG, HOSTILE)
    hostile = {
        "title": ReportContent(HOSTILE, evaluation),
        "card": ReportContent("t", evaluation, card=HOSTILE),
        "case": ReportContent("t", replace(evaluation, cases=(Case(HOSTILE, {"mae": 1.0}, (0, 1), 1),))),
        "caption": ReportContent("t", evaluation, [panel], images=[(HOSTILE, PNG)]),
        "note": ReportContent("t", evaluation, notes=[HOSTILE]),
        "baseline": ReportContent("t", evaluation, baselines={HOSTILE: {}}),
    }[place]
    page = render(hostile)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_empty_parts_are_left_out(evaluation):
    page = render(ReportContent("t", replace(evaluation, failures=(), unanswered=())))
    for heading in ("Read this first", "Pictures", "Training", "Model card", "Against answers"):
        assert f">{heading}" not in page


def test_a_report_without_any_scored_case_still_tells_the_failures(evaluation):
    page = render(ReportContent("t", replace(evaluation, cases=())))
    assert "0 cases scored" in page
    assert "Not scored: broken" in page


def test_a_case_far_from_the_others_is_marked(evaluation):
    assert outliers(evaluation) == {("case5", "mae")}
    assert 'class="odd"' in render(ReportContent("t", evaluation))


def test_small_cohorts_have_no_outliers():
    cases = tuple(Case(name, {"mae": value}, (0, 1), 1) for name, value in [("a", 1.0), ("b", 2.0), ("c", 500.0)])
    assert outliers(Evaluation("CT", "HU", "synthrad2025", cases)) == set()


def test_a_strip_runs_from_the_smallest_to_the_largest_value(evaluation):
    places = {dot.case: dot.place for dot in strip(evaluation, "mae")}
    assert (places["case4"], places["case5"]) == (0.0, 1.0)


def test_a_report_is_not_replaced_unless_asked(tmp_path, content):
    write_report(tmp_path / "report.html", content)
    with pytest.raises(TranslationError, match="exists already"):
        write_report(tmp_path / "report.html", content)
    write_report(tmp_path / "report.html", replace(content, title="again"), overwrite=True)
    assert "<h1>again</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_without_jinja_the_pip_line_is_named(content, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modality-translate\[report\]'"):
        render(content)
