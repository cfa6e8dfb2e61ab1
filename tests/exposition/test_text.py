import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.text import (
    MAX_IDENTITY_CHARS,
    MAX_LABEL_CHARS,
    identity_value,
    label_value,
    tag_labels,
)

any_text = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain", "plain"),
        ('a "b"', r"a \"b\""),
        ("a\\b", r"a\\b"),
        ("a\nb", r"a\nb"),
        ("a\tb 🌍", "a\tb 🌍"),
        ("a\x00\r\x1b\x7f\x85\udc80b", "a" + "\ufffd" * 6 + "b"),
    ],
)
def test_label_values_are_escaped_and_made_valid(text: str, escaped: str) -> None:
    assert label_value(text) == escaped


def test_long_label_value_is_cut_visibly_and_before_escaping() -> None:
    assert label_value("x" * MAX_LABEL_CHARS) == "x" * MAX_LABEL_CHARS
    assert label_value("x" * 10_000) == "x" * (MAX_LABEL_CHARS - 1) + "…"
    assert label_value("\n" * 10_000) == r"\n" * (MAX_LABEL_CHARS - 1) + "…"


def test_ordinary_identity_is_left_alone() -> None:
    azure = "/subscriptions/0/resourceGroups/" + "r" * 90 + "/virtualMachines/" + "v" * 64
    assert identity_value(azure) == azure


@given(any_text, any_text)
def test_different_identities_stay_different(one: str, other: str) -> None:
    assert (identity_value(one) == identity_value(other)) == (one == other)


def test_identities_that_differ_only_after_the_cut_stay_different() -> None:
    one, other = (identity_value("x" * 1000 + end) for end in "ab")
    assert one != other
    assert len(one) == len(other) == MAX_IDENTITY_CHARS


@given(any_text)
def test_every_label_value_is_utf8_and_one_line(text: str) -> None:
    for value in (label_value(text), identity_value(text)):
        assert value.encode("utf-8").decode("utf-8") == value
        assert "\n" not in value


def test_tag_names_become_label_names_in_order() -> None:
    assert tag_labels(("team", "cost-center", "aws:eks/cluster")) == (
        ("team", "tag_team"),
        ("cost-center", "tag_cost_center"),
        ("aws:eks/cluster", "tag_aws_eks_cluster"),
    )


def test_tag_names_that_collide_are_numbered_by_their_order() -> None:
    assert tag_labels(("a-b", "a_b", "a.b_2", "a.b", "a-b")) == (
        ("a-b", "tag_a_b"),
        ("a_b", "tag_a_b_2"),
        ("a.b_2", "tag_a_b_2_2"),
        ("a.b", "tag_a_b_3"),
    )


@given(st.lists(any_text, max_size=5))
def test_tag_labels_are_valid_and_unique(keys: list[str]) -> None:
    names = [name for _, name in tag_labels(keys)]
    assert len(names) == len(set(names)) == len(set(keys))
    assert all(name.isascii() and name.isidentifier() for name in names)
