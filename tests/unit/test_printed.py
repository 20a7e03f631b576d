"""What plugins print is counted, and little of it kept."""

import sys

import pytest

from advbench.catalog.plugins import discover
from advbench.catalog.printed import printing_kept


def test_every_way_to_print_is_caught(capsys):
    with printing_kept() as printed:
        print("one")
        print("two", file=sys.stderr)
        sys.stdout.buffer.write(b"three\n")
    print("after")
    assert capsys.readouterr() == ("after\n", "")
    assert all(word in str(printed) for word in ("one", "two", "three"))


def test_an_error_gives_the_streams_back(capsys):
    with pytest.raises(ValueError, match="x"), printing_kept():
        raise ValueError("x")
    print("after")
    assert capsys.readouterr().out == "after\n"


def test_only_the_beginning_is_kept():
    with printing_kept() as printed:
        for _ in range(1_000):
            print("\x1b[2J" + "x" * 9_995)
    assert printed.count == 10_000_000
    said = str(printed)
    assert said.startswith(r"10,000,000 bytes, first: \x1b[2Jxxx")
    assert len(said) < 2_100


def test_nothing_printed_is_nothing():
    with printing_kept() as printed:
        pass
    assert printed.count == 0


def test_what_a_plugin_prints_while_it_loads_is_kept_apart(tmp_path, capsys):
    path = tmp_path / "loud.py"
    path.write_text("print('\\x1b[31mhello')")
    found = discover(files=[path], only="")
    assert capsys.readouterr() == ("", "")
    assert found.printed == {f"loud ({path} file)": r"11 bytes: \x1b[31mhello"}
    assert found.broken == []
