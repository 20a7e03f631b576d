"""Whose a name is: one owner each, or nobody."""

import pytest
from discovery_case import GOOD

from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import ParamError, PluginError, RequestError


def test_two_owners_break_the_name_and_nothing_else(place):
    both = GOOD + "    register(spec('{own}'), Toy)"
    place.install("one", both.format(name="shared", own="first"), version="1.1")
    place.install("two", both.format(name="shared", own="second"), version="2.2")
    found = discover()
    assert {"first", "second", "zoo"} <= found.entries["attack"].keys()
    assert "shared" not in found.entries["attack"]
    with pytest.raises(PluginError) as caught:
        found.find("attack", "shared")
    told = "attack 'shared' must have one owner, got one (advbench-one 1.1) and two (advbench-two 2.2)."
    assert str(caught.value) == f"{told} Uninstall one of them."
    assert caught.value.exit_code == 2
    assert {"one", "two"} <= {source.plugin for source in found.sources}


def test_the_name_of_a_claimant_is_not_itself_broken(place):
    place.install("one", GOOD.format(name="shared"))
    place.install("two", GOOD.format(name="shared"))
    with pytest.raises(RequestError, match="no attack is called 'two'"):
        discover().find("attack", "two")


def test_three_owners_are_all_named(place):
    for plugin in ("one", "three", "two"):
        place.install(plugin, GOOD.format(name="shared"))
    found = discover()
    (broken,) = found.broken
    assert "got one (advbench-one 1.0), three (advbench-three 1.0) and two (advbench-two 1.0)." in broken.reason
    assert broken.reason.endswith("Uninstall all but one.")
    assert broken.names == (("attack", "shared"),)


def test_claiming_a_bundled_name_breaks_it_for_both(place):
    place.install("one", GOOD.format(name="none"))
    with pytest.raises(PluginError, match=r"got builtin \(advbench .*\) and one \(advbench-one 1.0\)"):
        discover().find("attack", "none")


def test_one_name_in_two_kinds_is_no_clash(place):
    body = """
        @hookimpl
        def advbench_register_metrics(register):
            rest = {"unit": "share", "higher_is_better": True, "columns": frozenset()}
            register(MetricSpec(name="zoo", summary="a toy", **rest), Toy)
    """
    place.install("one", body)
    found = discover()
    assert found.broken == []
    assert found.find("metric", "zoo").kind == "metric"


def test_a_name_registered_twice_by_one_plugin(place):
    place.install("one", GOOD.format(name="shared") + "    register(spec('shared'), Toy)\n    register(spec('x'), Toy)")
    found = discover()
    (broken,) = found.broken
    told = "attack 'shared' must be registered once, got 2 times from one (advbench-one 1.0). Correct that plugin."
    assert broken.reason == told
    assert "x" in found.entries["attack"]


def test_two_distributions_with_one_plugin_name(place):
    place.install("same", GOOD.format(name="first"), dist="advbench-aaa")
    place.install("same", GOOD.format(name="second"), dist="advbench-bbb")
    found = discover()
    assert found.find("attack", "first").source.dist == "advbench-aaa"
    assert found.find("attack", "second").source.dist == "advbench-bbb"


def test_two_distributions_of_one_module(place):
    package = place.install("one", GOOD.format(name="first"))
    place.offer("advbench-old", f"zzz = {package}")
    found = discover()
    assert "first" in found.entries["attack"]
    (broken,) = found.broken
    assert broken.source.plugin == "zzz"
    assert "a module must belong to one plugin, got one that is loaded already" in broken.reason


def test_unknown_names_get_the_nearest():
    found = discover(only="zoo")
    with pytest.raises(RequestError, match=r"^no attack is called 'zooo'. Did you mean 'zoo'\?$"):
        found.find("attack", "zooo")
    with pytest.raises(RequestError, match=r"^no encoder is called 'x'. None is known.$"):
        found.find("encoder", "x")
    with pytest.raises(PluginError, match=r"a kind must be one of attack, .*, got 'atack'. Did you mean 'attack'\?"):
        found.find("atack", "zoo")


FAMILY = """
from dataclasses import field, make_dataclass

@dataclass(frozen=True)
class Foreign:
    name: str | None = param(None, positional=True, help="which")

    def perturb(self, oracle, x, rng):
        return Perturbed(x)

    @staticmethod
    def member(name):
        if name == "odd":
            return dict
        if name not in ("one", "two"):
            raise ValueError(f"name must be one or two, got '{name}'.")
        own = [(f"{name}s", int, param(1, ge=1, help="its own"))]
        return make_dataclass(name.title(), own, bases=(Foreign,), frozen=True)

@hookimpl
def advbench_register_attacks(register):
    register.family(spec("foreign"), Foreign)
"""


def test_a_family_makes_a_class_for_each_member(place):
    place.install("family", FAMILY)
    resolver = Resolver(discover(only="family"), read())
    one = resolver.one("attack", "foreign:one,ones=3")
    assert (one.text, one.name) == ("foreign:name=one,ones=3", "foreign")
    assert resolver.one("attack", one.text).params == one.params
    assert resolver.one("attack", "foreign:name=two").instance.twos == 1
    with pytest.raises(ParamError, match="foreign: it has no parameter 'twos'"):
        resolver.one("attack", "foreign:one,twos=3")
    with pytest.raises(ParamError, match="foreign: name must be one or two, got 'three'"):
        resolver.one("attack", "foreign:three")
    with pytest.raises(PluginError, match=r"member\('odd'\) must be a subclass of its class, got"):
        resolver.one("attack", "foreign:odd")
