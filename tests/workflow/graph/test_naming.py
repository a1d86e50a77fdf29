"""Values that a file has by name beside those by position."""

from __future__ import annotations

import pytest

from pytest_comfy.workflow.graph import ConversionError, convert

from .canvas import Canvas

FLOAT = ["FLOAT", {"default": 0.5}]
TEXT = ["STRING", {"default": ""}]
MODEL = ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "small", "inputs": {"required": {"size": ["INT", {}]}}}]}]


def class_of(**inputs):
    return {"input": {"required": inputs}, "output": ["STRING"], "name": "Blend", "output_node": True}


def converted(definition, values, named, *, strict=True):
    definitions = {"Blend": definition}
    canvas = Canvas(definitions)
    canvas.add("Blend", *values, widgets_values_named=named)
    return convert(canvas.saved(), definitions, strict=strict)


def inputs(*args, **options):
    return converted(*args, **options).prompt["1"]["inputs"]


@pytest.mark.parametrize("strict", [True, False])
class TestMovedPlaces:
    def test_a_class_that_gained_an_input_in_front(self, strict):
        definition = class_of(blur=FLOAT, weight=FLOAT, offset=FLOAT)
        found = inputs(definition, [7.0, 0.25], {"weight": 7.0, "offset": 0.25}, strict=strict)
        assert found == {"blur": 0.5, "weight": 7.0, "offset": 0.25}

    def test_widgets_that_javascript_puts_in_another_order(self, strict):
        definition = class_of(seed=["INT", {}], note=TEXT)
        named = {"note": "sea", "seed": 9, "control_after_generate": "fixed"}
        assert inputs(definition, ["sea", 9, "fixed"], named, strict=strict) == {"seed": 9, "note": "sea"}

    def test_where_both_fit_the_other_value_is_told(self, strict):
        definition = class_of(above=TEXT, below=TEXT)
        found = converted(definition, ["x", "y"], {"below": "x", "above": "y"}, strict=strict)
        assert found.prompt["1"]["inputs"] == {"above": "y", "below": "x"}
        assert (
            'node 1 \'Blend\' > above: is "y" by its name in the file and "x" by its position: the name counts here; '
            "ComfyUI's page, which goes by position unless told otherwise, sends the other"
        ) in found.warnings

    def test_an_input_that_the_class_has_lost(self, strict):
        definition = class_of(weight=FLOAT, offset=FLOAT)
        named = {"weight": 7.0, "offset": 0.25, "blur": 0.1}
        assert inputs(definition, [7.0, 0.25, 0.1], named, strict=strict) == {"weight": 7.0, "offset": 0.25}


class TestChangedValue:
    """The places are as the class has them: one of the two was changed without the other."""

    DEFINITION = class_of(weight=FLOAT, offset=FLOAT)

    def test_name_counts(self):
        found = converted(self.DEFINITION, [1.0, 2.0], {"weight": 3.0, "offset": 2.0})
        assert found.prompt["1"]["inputs"] == {"weight": 3.0, "offset": 2.0}
        assert [text for text in found.warnings if "3.0 by its name" in text and "1.0 by its position" in text]

    def test_unless_it_is_converted_as_the_page_does(self):
        found = converted(self.DEFINITION, [1.0, 2.0], {"weight": 3.0, "offset": 2.0}, strict=False)
        assert found.prompt["1"]["inputs"] == {"weight": 1.0, "offset": 2.0}
        assert [text for text in found.warnings if "the position counts here" in text]

    def test_same_values_are_not_told(self):
        assert converted(self.DEFINITION, [1.0, 2.0], {"weight": 1.0, "offset": 2.0}).warnings == ()


def test_names_that_the_class_does_not_have_are_refused_with_both_lists():
    with pytest.raises(ConversionError) as caught:
        converted(class_of(weight=FLOAT, offset=FLOAT), [1.0, 2.0], {"strength": 1.0, "offset": 2.0})
    assert str(caught.value) == (
        "node 1 'Blend': has values named 'strength', which its class does not have, and none for 'weight', which it "
        "has: open the workflow in ComfyUI, set the values again and save"
    )


def test_names_keep_values_in_place_behind_an_option_that_the_server_lacks():
    definition = class_of(model=MODEL, seed=["INT", {}])
    named = {"model": "huge", "model.size": 4, "model.depth": 2, "seed": 9, "control_after_generate": "fixed"}
    found = converted(definition, ["huge", 4, 2, 9, "fixed"], named)
    assert found.prompt["1"]["inputs"] == {"model": "huge", "seed": 9}


def test_options_by_name():
    definition = class_of(note=TEXT, model=MODEL)
    assert inputs(definition, ["small", 4, "sea"], {"model": "small", "model.size": 4, "note": "sea"}) == {
        "note": "sea",
        "model": "small",
        "model.size": 4,
    }


class TestInstances:
    """Widgets that an instance exposes, where a class within has lost one of them."""

    NOW = {"Blend": class_of(weight=FLOAT, offset=["INT", {}])}  # noqa: RUF012
    THEN = {"Blend": class_of(weight=FLOAT, kind=TEXT, offset=["INT", {}])}  # noqa: RUF012

    def converted(self, *, strict, **named):
        inner = Canvas(self.THEN, "Edit", 11)
        blend = inner.add("Blend", 0.5, "soft", 3)
        for name in ("weight", "kind", "offset"):
            inner.expose(name, (blend, name))
        inner.give("text", blend)
        drawn = Canvas(self.THEN)
        drawn.instance(inner, 0.75, "hard", 9)["widgets_values_named"] = named
        return convert(drawn.saved(), self.NOW, strict=strict)

    def test_names_settle_the_places(self):
        found = self.converted(strict=True, weight=0.75, kind="hard", offset=9)
        assert found.prompt["1:11"]["inputs"] == {"weight": 0.75, "offset": 9}

    def test_unless_it_is_converted_as_the_page_does(self):
        found = self.converted(strict=False, weight=0.75, kind="hard", offset=9)
        assert found.prompt["1:11"]["inputs"] == {"weight": 0.75, "offset": "hard"}

    def test_disagreement_is_told(self):
        found = self.converted(strict=True, weight=0.25, offset=9)
        assert found.prompt["1:11"]["inputs"]["weight"] == 0.25
        assert [one for one in found.warnings if one.startswith("node 1 'Edit' > weight: is 0.25 by its name")]
