"""The spelling of components: splitting, escaping, sweeps, and that printing round-trips."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.catalog.grammar import NAME, Spelling, expand, parse
from advbench.contract.errors import RequestError

NAMES = st.from_regex(NAME, fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,4}(\.[A-Za-z_][A-Za-z0-9_-]{0,3}){0,2}", fullmatch=True)
# Anything at all, and often the few signs that have a meaning.
VALUES = st.text() | st.lists(st.sampled_from(["\\", ",", "=", ":", "[", "]", "/", " ", "a", "b.c", "é", "\n"])).map(
    "".join
)
ITEMS = st.dictionaries(KEYS | st.just(""), VALUES).filter(lambda items: items.get("", "x").strip())


@settings(max_examples=200)
@given(name=NAMES, items=ITEMS)
def test_printing_round_trips(name, items):
    spelling = Spelling(name, items)
    assert parse(str(spelling)) == spelling


@settings(max_examples=200)
@given(name=NAMES, items=ITEMS)
def test_what_is_printed_is_no_sweep(name, items):
    (single,) = expand(str(Spelling(name, items)))
    assert parse(single) == Spelling(name, items)


@settings(max_examples=200)
@given(name=NAMES, rest=VALUES)
def test_whatever_is_typed_has_one_reading(name, rest):
    try:
        read = parse(f"{name}:{rest}")
    except RequestError:  # a key given twice
        return
    assert parse(str(read)) == read


@pytest.mark.parametrize(
    ("text", "name", "items"),
    [
        ("scd", "scd", {}),
        ("scd:", "scd", {}),
        ("scd,", "scd", {}),
        (" scd ", "scd", {}),
        ("scd:votes=3", "scd", {"votes": "3"}),
        ("scd,votes=3", "scd", {"votes": "3"}),
        ("scd,votes=3:4,hidden=1", "scd", {"votes": "3:4", "hidden": "1"}),
        (" scd :votes=3", "scd", {"votes": "3"}),
        ("ucr:ECG5000", "ucr", {"": "ECG5000"}),
        ("ucr:ECG5000,split=2", "ucr", {"": "ECG5000", "split": "2"}),
        ("rbfi:512^,512v,512^,10v", "rbfi", {"": "512^,512v,512^,10v"}),
        ("rbfi:512^,512v,beta=3,seed=1", "rbfi", {"": "512^,512v", "beta": "3", "seed": "1"}),
        ("csv:path=/a,b:c/d.csv,rows=3", "csv", {"path": "/a,b:c/d.csv", "rows": "3"}),
        ("csv:/tmp/a=b,c.csv", "csv", {"": "/tmp/a=b,c.csv"}),
        ("csv:path=C:\\data\\x.csv", "csv", {"path": "C:\\data\\x.csv"}),
        (r"csv:path=a\,b=c", "csv", {"path": "a,b=c"}),
        (r"csv:a\=b", "csv", {"": "a=b"}),
        (r"csv:path=\\,b=c", "csv", {"path": "\\", "b": "c"}),
        ("adv:attack=pgd,attack.steps=10", "adv", {"attack": "pgd", "attack.steps": "10"}),
        ("a:x=-3,y=-1e-4,z=-inf", "a", {"x": "-3", "y": "-1e-4", "z": "-inf"}),
        ("a:x=8/255,y=3/8", "a", {"x": "8/255", "y": "3/8"}),
        ("a:x=,y=1", "a", {"x": "", "y": "1"}),
        ("a:,y=1", "a", {"y": "1"}),
        ("a:x==", "a", {"x": "="}),
        ("a:x=1,", "a", {"x": "1,"}),
        ("a:x=1,y", "a", {"x": "1,y"}),
        ("a:x=ü,y=名前", "a", {"x": "ü", "y": "名前"}),
        ("a:x= two words ,y=1", "a", {"x": " two words ", "y": "1"}),
        ("a:=3", "a", {"": "=3"}),
        ("a:3x=1", "a", {"": "3x=1"}),
    ],
)
def test_what_people_type(text, name, items):
    assert parse(text) == Spelling(name, items)


def test_the_positional_item_is_printed_first_and_plainly():
    assert str(Spelling("rbfi", {"beta": "3", "": "512^,10v"})) == "rbfi:512^,10v,beta=3"
    assert str(Spelling("csv", {"path": "a=b,c:d"})) == "csv:path=a=b,c:d"
    assert str(Spelling("scd")) == "scd"


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ({"": "a=b"}, r"csv:a\=b"),
        ({"": "a.b=[c]"}, r"csv:a.b\=[c]"),
        ({"path": "[a/b]"}, r"csv:path=\[a/b]"),
        ({"path": " [a/b] "}, r"csv:path= \[a/b] "),
        ({"path": "a,b=c"}, r"csv:path=a\,b=c"),
        ({"path": "a\\", "rows": "3"}, r"csv:path=a\\,rows=3"),
    ],
)
def test_what_would_read_otherwise_is_escaped(items, text):
    assert str(Spelling("csv", items)) == text
    assert parse(text) == Spelling("csv", items)
    assert expand(text) == [text]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'': a name must be lower-case words joined by '-', got ''. See: advbench list."),
        (":votes=3", "got ''. See: advbench list."),
        ("SCD", "got 'SCD'. Did you mean 'scd'?"),
        ("random_noise", "got 'random_noise'. Did you mean 'random-noise'?"),
        ("random noise", "got 'random noise'. Did you mean 'random-noise'?"),
        ("-scd", "got '-scd'."),
        ("scd-", "got 'scd-'."),
        ("a--b", "got 'a--b'."),
        ("scd=3", "got 'scd=3'."),
        ("../scd", "got '../scd'."),
        ("ζοο", "got 'ζοο'."),
        ("a:x=1,x=2", "'a:x=1,x=2': each parameter must be given once, got 'x' twice. Remove one."),
        ("a:x=1,y=2,x=1", "got 'x' twice"),
        ("a:b.c=1,b.c=2", "got 'b.c' twice"),
    ],
)
def test_what_cannot_be_read_is_told(text, told):
    with pytest.raises(RequestError) as caught:
        parse(text)
    assert told in str(caught.value)
    with pytest.raises(RequestError):
        expand(text)


@pytest.mark.parametrize(
    ("text", "singles"),
    [
        ("zoo", ["zoo"]),
        ("zoo:h=[.1/.2]", ["zoo:h=.1", "zoo:h=.2"]),
        ("zoo:h= [.1/.2] ", ["zoo:h=.1", "zoo:h=.2"]),
        ("zoo:h=[.1]", ["zoo:h=.1"]),
        ("zoo:h=[.1/.2],c=[1/2],b=5", ["zoo:h=.1,c=1,b=5", "zoo:h=.1,c=2,b=5", "zoo:h=.2,c=1,b=5", "zoo:h=.2,c=2,b=5"]),
        ("art:[deepfool/pgd],eps=1", ["art:deepfool,eps=1", "art:pgd,eps=1"]),
        ("adv:attack=[pgd/fgsm],attack.steps=[1/2]",
         [f"adv:attack={a},attack.steps={s}" for a in ("pgd", "fgsm") for s in (1, 2)]),
        ("digits:classes=3/8", ["digits:classes=3/8"]),
        (r"csv:path=\[a/b]", [r"csv:path=\[a/b]"]),
        (r"csv:path=[a\,b=1/c]", [r"csv:path=a\,b=1", "csv:path=c"]),
        ("csv:path=[ab", ["csv:path=[ab"]),
        ("csv:path=a[b/c]", ["csv:path=a[b/c]"]),
        ("csv:path=[a/b],", ["csv:path=[a/b],"]),
    ],
)  # fmt: skip
def test_a_list_in_brackets_is_swept(text, singles):
    assert expand(text) == singles
