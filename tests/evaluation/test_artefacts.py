import pytest

from modality_translate.errors import TranslationError
from modality_translate.evaluation.artefacts import write_text


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    write_text(tmp_path / "a.json", "µ")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "µ"


def test_a_file_is_not_replaced_unless_asked(tmp_path):
    write_text(tmp_path / "a.json", "old")
    with pytest.raises(TranslationError, match="exists already"):
        write_text(tmp_path / "a.json", "new")
    write_text(tmp_path / "a.json", "new", overwrite=True)
    assert (tmp_path / "a.json").read_text() == "new"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/a.json", "does not exist"), ("", "is a folder"), ("ct.nii.gz", "has the name of a volume")],
)
def test_a_place_where_no_file_can_be_is_refused(tmp_path, name, reason):
    with pytest.raises(TranslationError, match=reason):
        write_text(tmp_path / name, "text")
