"""What versions of ComfyUI's page do differently, rule by rule, on classes made for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_comfy.workflow.addresses import find_inputs, find_nodes, names_of
from pytest_comfy.workflow.digest import prompt_digest
from pytest_comfy.workflow.graph import ConversionError, convert
from pytest_comfy.workflow.graph.versions import NEWEST, page, page_of

from .canvas import BYPASSED, MUTED, Canvas

NUMBER = ["INT", {"default": 1, "min": 0, "max": 99}]
CURVE = {"points": [[0, 0.5]], "interpolation": "linear"}
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


def class_of(*outputs, optional=None, **required):
    inputs = {"required": required, "optional": optional or {}}
    return {"input": inputs, "output": list(outputs), "output_node": not outputs, "search_aliases": []}


DEFINITIONS = {
    "Number": class_of("INT", value=NUMBER),
    "Paint": class_of("IMAGE", size=NUMBER, shade=NUMBER),
    "Turn": class_of("IMAGE", image=["IMAGE", {}]),
    "Save": class_of(image=["IMAGE", {}]),
    "Show": class_of(source=["*", {}]),
    "Write": class_of("STRING", text=["STRING", {"multiline": True}]),
    "Pick": class_of("STRING", kind=[["round", "square"], {}]),
    "PreviewAny": class_of(source=["*", {}]),
    "SaveAudio": class_of(audio=["AUDIO", {}], name=["STRING", {}]),
    "ImageCompare": class_of(compare_view=["IMAGECOMPARE", {"socketless": True}]),
    "CustomCombo": class_of("STRING", "INT", choice=["COMBO", {"options": []}]),
    "PrimitiveInt": class_of("INT", value=NUMBER),
    "Grow": class_of(
        parts=["COMFY_AUTOGROW_V3", {"template": {"input": {"required": {"part": ["IMAGE", {}]}}, "prefix": "p"}}]
    ),
    "Scale": class_of(
        "IMAGE",
        how=["COMFY_DYNAMICCOMBO_V3", {"options": [
            {"key": "by", "inputs": {"required": {"factor": ["FLOAT", {"default": 2.5}]}}},
            {"key": "to", "inputs": {"required": {"width": ["INT", {"default": 640}], "over": ["IMAGE", {}]}}},
        ]}],
    ),
}  # fmt: skip
OLD = {"PreviewAny": {"input": {}, "display_name": "Preview Any"}, "Save": {"input": {}}}


def canvas(name="", first=1):
    return Canvas(DEFINITIONS, name, first)


def sent(drawn, frontend="1.48.7", definitions=DEFINITIONS, **options):
    prompt = convert(drawn.saved(), definitions, frontend=frontend, **options).prompt
    return {node_id: node["inputs"] for node_id, node in prompt.items()}


class TestWhichPage:
    def test_the_server_says(self):
        assert page_of(DEFINITIONS, "1.41.3").minor == 41
        assert page_of(OLD, "1.48.7").minor == 48

    @pytest.mark.parametrize(
        ("definitions", "minor"),
        [(DEFINITIONS, 48), ({"A": {"output_matchtypes": None}}, 35), (OLD, 27), ({}, 35), ({"A": None}, 35)],
    )
    def test_else_the_definitions(self, definitions, minor):
        assert page_of(definitions).minor == minor
        assert page_of(definitions, "nightly").minor == minor

    def test_else_the_file(self):
        assert page_of({"A": {"input": {}}}, "", "1.46.2").minor == 46
        assert page_of(OLD, "", "1.46.2").minor == 27
        assert page_of(DEFINITIONS, "1.41.3", "1.46.2").minor == 41

    def test_later_ones_are_told(self):
        drawn = canvas()
        drawn.add("Paint", 1, 2)
        (told,) = convert(drawn.saved(), DEFINITIONS, frontend="1.99.0").warnings
        assert "a later one than 1.58" in told
        assert convert(drawn.saved(), DEFINITIONS, frontend="1.58.9").warnings == ()

    @pytest.mark.parametrize("told", ["1.99.0", "2.0.1", "v3.1"])
    def test_later_ones_have_the_newest_rules(self, told):
        found = page_of(DEFINITIONS, told)
        assert not found.is_known
        assert found == page(found.minor)
        assert {**vars(found), "minor": NEWEST} == vars(page(NEWEST))


SCENES = {
    "Load": class_of("FILE_3D", "LOAD3D_CAMERA", viewport_state=["LOAD_3D", {}], width=NUMBER),
    "Keep": class_of(viewport_state=["LOAD_3D", {}], optional={"model": ["FILE_3D", {}]}),
    "Look": class_of(view=["LOAD3D_CAMERA", {}]),
}


class TestViews:
    """What a page knows of how a 3D scene is looked at is not in the file."""

    def drawn(self, slot, target, name):
        drawn = Canvas(SCENES)
        drawn.link(drawn.add("Load", "", 5), slot, drawn.add(target, ""), name)
        return drawn

    def test_servers_do_without(self):
        done = convert(self.drawn(0, "Keep", "model").saved(), SCENES, frontend="1.48.7")
        assert done.prompt["1"]["inputs"] == {"viewport_state": "", "width": 5}
        assert [told.split(": the page sends how")[0] for told in done.warnings] == [
            "node 1 'Load' > viewport_state",
            "node 2 'Keep' > viewport_state",
        ]

    def test_unless_it_is_handed_on(self):
        with pytest.raises(ConversionError, match="node 1 'Load' > viewport_state: what is recorded, filmed or"):
            sent(self.drawn(1, "Look", "view"), definitions=SCENES)


class TestNames:
    @pytest.mark.parametrize(
        ("class_type", "frontend", "is_replaced"),
        [
            ("SaveImage", "1.27.10", True),
            ("SaveVideo", "1.27.10", False),
            ("SaveVideo", "1.35.9", True),
            ("SaveAudioMP3", "1.44.19", False),
            ("SaveAudioMP3", "1.45.21", True),
            ("SaveText", "1.58.1", False),
        ],
    )
    def test_whose_are_replaced(self, class_type, frontend, is_replaced):
        definitions = {"Paint": DEFINITIONS["Paint"], class_type: class_of(filename_prefix=["STRING", {}])}
        drawn = Canvas(definitions)
        drawn.add("Paint", 64, 3)
        drawn.add(class_type, "%Paint.size%")
        wanted = "64" if is_replaced else "%Paint.size%"
        assert sent(drawn, frontend, definitions)["2"]["filename_prefix"] == wanted


class TestWidgets:
    @pytest.mark.parametrize(
        ("kind", "default"),
        [
            ("CURVE", {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"}),
            ("BOUNDING_BOXES", {"__value__": []}),
            ("COLOR", "#000000"),
            ("COLORS", {"__value__": []}),
            ("COMPOSITOR", {}),
            ("RANGE", {"min": 0, "max": 1}),
        ],
    )
    def test_kinds(self, kind, default):
        definitions = {"Edit": class_of("IMAGE", it=[kind, {"socketless": True}], size=NUMBER)}
        new, old = Canvas(definitions), Canvas(definitions)
        new.add("Edit")
        old.add("Edit", {"mine": 1}, 7)
        assert sent(new, definitions=definitions)["1"] == {"it": default, "size": 1}
        assert sent(old, definitions=definitions)["1"] == {"it": {"mine": 1}, "size": 7}

    @pytest.mark.parametrize(("kind", "default"), [("CHART", {}), ("GALLERIA", {"__value__": []})])
    def test_kinds_of_all_versions(self, kind, default):
        definitions = {"Show": class_of("IMAGE", it=[kind, {}], size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Show")
        assert sent(drawn, "1.27.10", definitions)["1"] == {"it": default, "size": 1}

    def test_the_numbers_of_a_box_have_places(self):
        definitions = {"Crop": class_of("IMAGE", it=["BOUNDING_BOX", {"socketless": True}], size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Crop", BOX, 1, 2, 3, 4, 7)
        drawn.add("Crop")
        assert list(sent(drawn, definitions=definitions).values()) == [
            {"it": BOX, "size": 7},
            {"it": {"x": 0, "y": 0, "width": 512, "height": 512}, "size": 1},
        ]

    @pytest.mark.parametrize(
        ("features", "default"),
        [
            ({}, {"trim": {"start_time": 0, "duration": 0}, "crop": {"x": 0, "y": 0, "width": 0, "height": 0}}),
            ({"features": ["trim"]}, {"trim": {"start_time": 0, "duration": 0}}),
        ],
    )
    def test_cuts_of_a_video(self, features, default):
        definitions = {"Cut": class_of("VIDEO", it=["VIDEO_EDIT", {"socketless": True, **features}], size=NUMBER)}
        new, old = Canvas(definitions), Canvas(definitions)
        new.add("Cut")
        old.add("Cut", {"mine": 1}, 7)
        assert sent(new, "1.50.0", definitions)["1"] == {"it": default, "size": 1}
        assert sent(old, "1.50.0", definitions)["1"] == {"it": {"mine": 1}, "size": 7}
        drawn = Canvas(definitions)
        drawn.add("Cut")["inputs"].append({"name": "it", "type": "VIDEO_EDIT", "widget": {"name": "it"}})
        assert sent(drawn, "1.49.0", definitions)["1"] == {"size": 1}

    def test_a_preview_of_a_resolution_has_no_place(self):
        definitions = {"Size": class_of("INT", it=["RESOLUTION_PREVIEW", {"socketless": True}], size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Size", 7)
        assert sent(drawn, "1.53.0", definitions)["1"] == {"size": 7}

    def test_choices_of_a_server_bring_a_switch_and_a_button(self):
        declared = ["COMBO", {"remote": {"route": "/files", "refresh_button": True}}]
        definitions = {"Load": class_of("IMAGE", file=declared, size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Load", "a.png", False, "refresh", 7)
        assert sent(drawn, definitions=definitions)["1"] == {"file": "a.png", "refresh": "refresh", "size": 7}

    def test_curves_have_their_type(self):
        definitions = {"Bend": class_of("IMAGE", it=["CURVE", {"socketless": True}])}
        shapes = [CURVE, [[0, 1]], None]
        found = {}
        for frontend in ("1.48.7", "1.52.0"):
            drawn = Canvas(definitions)
            for shape in shapes:
                drawn.add("Bend", shape)
            found[frontend] = [inputs["it"] for inputs in sent(drawn, frontend, definitions).values()]
        typed = {"__type__": "CURVE", "__value__": [[0, 1]]}
        assert found["1.48.7"] == [CURVE, typed, None]
        assert found["1.52.0"] == [{"__type__": "CURVE", "__value__": CURVE}, typed, None]

    def test_one_that_a_socket_type_is_edited_by(self):
        declared = ["STRING", {"widgetType": "PAINTER", "image_upload": True, "default": ""}]
        definitions = {"Draw": class_of("IMAGE", mask=declared, size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Draw", "painter/a.png [temp]", 8)
        assert sent(drawn, definitions=definitions)["1"] == {"mask": "painter/a.png [temp]", "size": 8}

    @pytest.mark.parametrize(
        "declared",
        [
            ["KNOB", {"socketless": True}],
            ["FLOAT,INT", {"widgetType": "KNOB"}],
            ["KNOB", {"default": 3}],
        ],
    )
    def test_unknown_kinds_are_refused_by_name(self, declared):
        definitions = {"Turn": class_of("IMAGE", knob=declared, size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Turn", 3, 5)["inputs"].append({"name": "knob", "type": "KNOB", "widget": {"name": "knob"}})
        with pytest.raises(ConversionError, match=r"node 1 'Turn' > knob: is a widget of type 'KNOB', which is not kn"):
            sent(drawn, definitions=definitions, strict=False)

    def test_unless_they_are_declared_or_sockets(self):
        from pytest_comfy.workflow.graph.layouts import checked

        definitions = {
            "Turn": class_of("IMAGE", knob=["KNOB", {"socketless": True}], size=NUMBER),
            "Take": class_of("IMAGE", knob=["KNOB", {"socketless": True, "forceInput": True}], size=NUMBER),
        }
        drawn = Canvas(definitions)
        drawn.add("Turn", 3, 5)
        drawn.add("Take", 5)
        layouts = {"Turn": checked({"widgets": ["knob", "size"]}, "here")}
        found = sent(drawn, definitions=definitions, layouts=layouts)
        assert found == {"1": {"knob": 3, "size": 5}, "2": {"size": 5}}

    def test_unknown_option_with_values_behind_it(self):
        definitions = {"Scale": class_of("IMAGE", how=DEFINITIONS["Scale"]["input"]["required"]["how"], size=NUMBER)}
        drawn = Canvas(definitions)
        drawn.add("Scale", "past", 3, 4)
        with pytest.raises(ConversionError, match=r"> how: the server does not have the option \"past\""):
            sent(drawn, definitions=definitions)

    def test_comparison_of_pictures(self):
        drawn = canvas()
        drawn.add("ImageCompare")
        assert sent(drawn) == {"1": {"compare_view": {"__value__": ["", ""]}}}
        assert sent(drawn, "1.38.0") == {"1": {}}

    @pytest.mark.parametrize(
        ("stored", "index"),
        [(["b", 0, "a", "b", ""], 1), (["gone", 0, "a", "b", ""], -1), (["a", 7, "a", "a", ""], 0)],
    )
    def test_choice_of_ones_own_has_an_index(self, stored, index):
        drawn = canvas()
        drawn.add("CustomCombo", *stored)
        wanted = {"choice": stored[0], "index": index, "option1": "a", "option2": stored[3], "option3": ""}
        assert sent(drawn)["1"] == wanted

    @pytest.mark.parametrize("frontend", ["1.48.7", "1.37.2"])
    def test_choices_are_the_nodes_own_options(self, frontend):
        def told(*stored):
            drawn = canvas()
            drawn.add("CustomCombo", *stored)
            return convert(drawn.saved(), DEFINITIONS, frontend=frontend).warnings

        index = [0] if frontend == "1.48.7" else []
        assert told("b", *index, "a", "b", "") == ()
        gone = ("node 1 'CustomCombo' > choice: \"gone\" is none of the node's own options",)
        assert told("gone", *index, "a", "b", "") == (gone if index else ())

    def test_the_index_is_that_of_what_an_instance_chooses(self):
        inner = canvas("Style", 11)
        pick = inner.add("CustomCombo", "a", 0, "a", "b", "")
        inner.expose("style", (pick, "choice"))
        drawn = canvas()
        drawn.instance(inner, "b")
        assert {"choice": "b", "index": 1}.items() <= sent(drawn)["1:11"].items()

    def test_and_had_none(self):
        drawn = canvas()
        drawn.add("CustomCombo", "b", "a", "b", "")
        assert sent(drawn, "1.37.2")["1"] == {"choice": "b", "option0": "a", "option1": "b", "option2": ""}

    def test_what_only_shows_is_not_sent(self):
        drawn = canvas()
        drawn.add("PreviewAny", None, None, True)
        drawn.add("SaveAudio", "out")
        assert sent(drawn) == {"1": {}, "2": {"name": "out"}}
        assert sent(drawn, "1.35.9") == {"1": {"preview": "", "previewMode": True}, "2": {"name": "out", "audioUI": ""}}

    @pytest.mark.parametrize(
        ("stored", "old", "raw", "newest"),
        [
            ("a\r\nb", "a\nb", "a\r\nb", "a\r\nb"),
            (12, "12", 12, "12"),
            (None, "", "", ""),
            (["a", 1], "a,1", {"__value__": ["a", 1]}, "a,1"),
        ],
    )
    def test_text_areas(self, stored, old, raw, newest):
        drawn = canvas()
        drawn.add("Write", stored)
        for frontend, wanted in (("1.35.9", old), ("1.48.7", raw), ("1.58.1", newest)):
            assert sent(drawn, frontend, strict=False)["1"] == {"text": wanted}

    def test_null_for_a_choice(self):
        drawn = canvas()
        drawn.add("Pick", None)
        assert sent(drawn)["1"] == {"kind": "round"}
        assert sent(drawn, "1.35.9", strict=False)["1"] == {"kind": None}


GROUP = ["COMFY_DYNAMICGROUP_V3", {"min": 1, "max": 3, "template": {
    "required": {"part": ["IMAGE", {}], "weight": ["FLOAT", {"default": 0.5}]},
    "optional": {"seed": ["INT", {"control_after_generate": True}]},
}}]  # fmt: skip
GROUPED = DEFINITIONS | {"Mix": class_of("IMAGE", before=NUMBER, rows=GROUP, after=NUMBER)}


class TestDynamicGroups:
    """Rows of inputs, of which the count is stored and each field is sent."""

    def inputs(self, *stored, **options):
        drawn = Canvas(GROUPED)
        drawn.add("Mix", *stored)
        return sent(drawn, "1.58.1", GROUPED, **options)["1"]

    def test_values_around_them_keep_their_places(self):
        assert self.inputs(7, 2, 0.1, 11, "fixed", 0.2, 12, "fixed", 8) == {
            "before": 7, "rows.0.weight": 0.1, "rows.0.seed": 11, "rows.1.weight": 0.2, "rows.1.seed": 12, "after": 8,
        }  # fmt: skip

    @pytest.mark.parametrize("count", [1, 1.9, -4, None, "x"])
    def test_least_rows(self, count):
        assert self.inputs(7, count, 0.1, 11, "fixed", 8)["after"] == 8

    def test_many_rows_that_are_not_there(self):
        assert len(self.inputs(7, 10**9, strict=False)) == 2 + 2 * 1000

    def test_links_by_name(self):
        drawn = Canvas(GROUPED)
        mix = drawn.add("Mix", 7, 2, 0.1, 11, "fixed", 0.2, 12, "fixed", 8)
        for name in ("rows.1.weight", "rows.1.part"):
            mix["inputs"].append({"name": name, "type": "*", "link": None})
        drawn.link(drawn.add("Number", 3), 0, mix, "rows.1.weight")
        drawn.link(drawn.add("Paint", 3), 0, mix, "rows.1.part")
        found = sent(drawn, "1.58.1", GROUPED)["1"]
        assert (found["rows.1.weight"], found["rows.1.part"], found["rows.0.weight"]) == (["2", 0], ["3", 0], 0.1)


class TestLinks:
    def test_a_muted_source_leaves_the_own_value(self):
        drawn = canvas()
        drawn.link(drawn.add("Number", 9, mode=MUTED), 0, drawn.add("Paint", 5, 6), "size")
        assert sent(drawn) == {"2": {"size": 5, "shade": 6}}
        assert sent(drawn, "1.40.0") == {"2": {"shade": 6}}

    @pytest.mark.parametrize("muted", ["source", "reroute"])
    def test_also_behind_a_reroute(self, muted):
        drawn = canvas()
        number = drawn.add("Number", 9, mode=MUTED if muted == "source" else 0)
        way = drawn.reroute("INT", mode=MUTED if muted == "reroute" else 0)
        paint = drawn.add("Paint", 5, 6)
        drawn.link(number, 0, way, "")
        drawn.link(way, 0, paint, "size")
        assert sent(drawn)["3"] == {"size": 5, "shade": 6}

    def test_holes_of_a_growing_group_stay(self):
        drawn = canvas()
        grow = drawn.add("Grow")
        grow["inputs"] = [{"name": f"parts.p{index}", "type": "IMAGE", "link": None} for index in range(3)]
        for name in ("parts.p0", "parts.p2"):
            drawn.link(drawn.add("Paint"), 0, grow, name)
        assert sent(drawn)["1"] == {"parts.p0": ["2", 0], "parts.p2": ["3", 0]}
        assert sent(drawn, "1.35.9")["1"] == {"parts.p0": ["2", 0], "parts.p1": ["3", 0]}

    def test_inputs_of_another_option_are_taken_away(self):
        drawn = canvas()
        scale = drawn.add("Scale", "by", 3.5)
        scale["inputs"].append({"name": "how.over", "type": "IMAGE", "link": None})
        drawn.link(drawn.add("Paint"), 0, scale, "how.over")
        assert sent(drawn)["1"] == {"how": "by", "how.factor": 3.5}
        assert sent(drawn, "1.35.9")["1"] == {"how": "by", "how.factor": 3.5, "how.over": ["2", 0]}

    def test_primitives_keep_to_the_limits_that_a_node_has(self):
        drawn = canvas()
        number = drawn.add("PrimitiveInt", 5, properties={"min": 0, "max": 20, "step": 10})
        drawn.link(drawn.primitive(13), 0, number, "value")
        assert sent(drawn)["1"] == {"value": 10}
        assert sent(drawn, "1.35.9")["1"] == {"value": 13}


def edit(mode=0):
    """A subgraph 'Edit': a picture that it paints and turns, with its size exposed."""
    inner = canvas("Edit", 11)
    paint, turn = inner.add("Paint", 5, 6), inner.add("Turn", mode=mode)
    inner.link(paint, 0, turn, "image")
    inner.expose("size", (paint, "size"))
    inner.give("image", turn, 0)
    return inner


class TestSubgraphs:
    @pytest.mark.parametrize("mode", [MUTED, BYPASSED])
    def test_of_a_skipped_instance_nothing_is_sent(self, mode):
        drawn = canvas()
        drawn.instance(edit(), 8, mode=mode)
        drawn.add("Paint", 1, 2)
        assert sent(drawn) == {"2": {"size": 1, "shade": 2}}
        assert set(sent(drawn, "1.38.0")) == {"2", "1:11", "1:12"}

    def test_a_muted_link_from_outside_leaves_what_the_definition_has(self):
        drawn = canvas()
        drawn.link(drawn.add("Number", 9, mode=MUTED), 0, drawn.instance(edit(), 8), "size")
        assert sent(drawn)["2:11"] == {"size": 5, "shade": 6}

    def test_a_primitive_outside_counts(self):
        drawn = canvas()
        drawn.link(drawn.primitive(9), 0, drawn.instance(edit(), 8), "size")
        assert sent(drawn)["2:11"] == {"size": 9, "shade": 6}


def listing(*rows, values, inner=None):
    drawn = canvas()
    drawn.instance(inner or edit(), *values, proxyWidgets=[list(row) for row in rows])
    return drawn


class TestListedWidgets:
    def test_each_instance_has_values_of_its_own(self):
        drawn = listing(("11", "shade"), values=[30])
        drawn.instance(edit(), 8)
        found = sent(drawn)
        assert (found["1:11"]["shade"], found["2:11"]["shade"]) == (30, 6)
        assert sent(drawn, "1.45.0")["1:11"]["shade"] == 6

    @pytest.mark.parametrize("values", [[None], []])
    def test_without_a_value_the_inner_one_stays(self, values):
        assert sent(listing(("11", "shade"), values=values))["1:11"]["shade"] == 6

    @pytest.mark.parametrize("lost", [("77", "shade"), ("11", "gone")])
    def test_what_is_not_there_keeps_its_place(self, lost):
        assert sent(listing(lost, ("11", "shade"), values=[11, 30]))["1:11"]["shade"] == 30

    def test_one_that_the_subgraph_exposes(self):
        assert sent(listing(("11", "size"), values=[40]))["1:11"]["size"] == 40

    def test_a_primitive_within(self):
        inner = canvas("Driven", 11)
        paint = inner.add("Paint", 5, 6)
        inner.link(inner.primitive(7), 0, paint, "size")
        assert sent(listing(("12", "value"), values=[50], inner=inner))["1:11"]["size"] == 50

    @pytest.mark.parametrize("source", [(), ("11",)])
    def test_outermost_instance_counts(self, source):
        outer = canvas("Outer", 21)
        outer.instance(edit(), 8, 30, proxyWidgets=[["-1", "size"], ["11", "shade"]])
        assert sent(listing(("21", "shade", *source), values=[60], inner=outer))["1:21:11"] == {"size": 8, "shade": 60}
        assert sent(listing(values=[], inner=outer))["1:21:11"] == {"size": 8, "shade": 30}

    def test_it_has_an_address(self):
        conversion = convert(listing(("11", "shade"), values=[30]).saved(), DEFINITIONS)
        assert conversion.exposed["1"]["shade"] == (("1:11", "shade"),)


class TestChosenOutside:
    """A dynamic combo whose option the instance chooses: the option's inputs follow."""

    @pytest.mark.parametrize("frontend", ["1.35.9", "1.48.7"])
    @pytest.mark.parametrize(
        ("inner_values", "chosen", "wanted"),
        [
            (["to", 800], "by", {"how": "by", "how.factor": 2.5}),
            (["by", 9.5], "to", {"how": "to", "how.width": 640, "how.over": ["1:12", 0]}),
            (["by", 9.5], "by", {"how": "by", "how.factor": 9.5}),
        ],
    )
    def test_inputs_are_those_of_the_option(self, frontend, inner_values, chosen, wanted):
        inner = canvas("Fit", 11)
        scale = inner.add("Scale", *inner_values)
        scale["inputs"].append({"name": "how.over", "type": "IMAGE", "link": None})
        inner.link(inner.add("Paint"), 0, scale, "how.over")
        inner.expose("how", (scale, "how"))
        inner.give("image", scale, 0)
        drawn = canvas()
        drawn.instance(inner, chosen)
        found = sent(drawn, frontend)["1:11"]
        assert {name: found[name] for name in wanted} == wanted
        assert {name for name in found if name != "how.over"} == {name for name in wanted if name != "how.over"}


class TestTakenIds:
    """Ids within subgraphs that occur elsewhere."""

    def drawn(self):
        drawn = canvas()
        drawn.link(
            drawn.instance(self.inner(), 8, 30, proxyWidgets=[["-1", "size"], ["1", "shade"]]),
            0,
            drawn.add("Save"),
            "image",
        )
        return drawn

    def inner(self):
        inner = canvas("Edit")
        paint, turn, more = inner.add("Paint", 5, 6), inner.add("Turn"), inner.add("Turn")
        inner.link(paint, 0, turn, "image")
        inner.link(turn, 0, more, "image")
        inner.expose("size", (paint, "size"))
        inner.give("image", more, 0)
        return inner

    def test_get_the_next_free_ones(self):
        found = sent(self.drawn())
        assert found == {
            "2": {"image": ["1:5", 0]},
            "1:3": {"size": 8, "shade": 30},
            "1:4": {"image": ["1:3", 0]},
            "1:5": {"image": ["1:4", 0]},
        }

    def test_the_prompt_means_the_same(self):
        new, old = (convert(self.drawn().saved(), DEFINITIONS, frontend=one).prompt for one in ("1.48.7", "1.40.0"))
        unlisted = {**old, "1:1": {**old["1:1"], "inputs": {"size": 8, "shade": 30}}}
        assert set(old) == {"2", "1:1", "1:2", "1:3"}
        assert prompt_digest(new) == prompt_digest(unlisted)

    def test_either_id_is_an_address(self):
        prompt = convert(self.drawn().saved(), DEFINITIONS, frontend="1.48.7").prompt
        assert find_inputs(prompt, "1:1.shade", "a.json") == (("1:3", "shade"),)
        assert find_inputs(prompt, "1:4.image", "a.json") == (("1:4", "image"),)
        assert {"1:1", "1:3"} <= set(names_of("1:3", prompt["1:3"]))


def test_controls_go_with_their_option():
    """Those of an option that is not chosen take no places."""
    how = ["COMFY_DYNAMICCOMBO_V3", {"options": [
        {"key": "dice", "inputs": {"required": {"seed": ["INT", {"control_after_generate": True}]}}},
        {"key": "none", "inputs": {}},
    ]}]  # fmt: skip
    definitions = {"Throw": class_of("IMAGE", how=how, size=NUMBER)}
    drawn = Canvas(definitions)
    drawn.add("Throw", "none", 8)
    drawn.add("Throw", "dice", 5, "fixed", 8)
    assert sent(drawn, definitions=definitions) == {
        "1": {"how": "none", "size": 8},
        "2": {"how": "dice", "how.seed": 5, "size": 8},
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["11", "-1", "size"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["size", "shade", "x"]), inner),
    max_leaves=8,
)


@given(values=JSON, named=JSON, listed=JSON, limits=st.dictionaries(st.sampled_from(["min", "max", "step"]), JSON))
def test_whatever_a_file_holds_it_converts_or_is_refused(values, named, listed, limits):
    inner = canvas("Edit", 11)
    paint = inner.add("Paint", 5, 6, widgets_values_named=named)
    inner.link(inner.primitive(7), 0, paint, "size")
    inner.give("image", paint, 0)
    drawn = canvas()
    drawn.instance(inner, proxyWidgets=listed)["widgets_values"] = values
    drawn.link(drawn.primitive(13), 0, drawn.add("PrimitiveInt", 5, properties=limits), "value")
    drawn.add("CustomCombo")["widgets_values"] = values
    try:
        convert(drawn.saved(), DEFINITIONS, strict=False)
    except ConversionError as error:
        assert "\n" not in str(error)


def test_many_entries_that_name_the_same_are_read_once():
    inner = canvas("Edit", 11)
    primitive = inner.primitive(7)
    for _ in range(300):
        inner.link(primitive, 0, inner.add("Number", 1), "value")
    rows = [["11", f"name {row}"] for row in range(3000)]
    drawn = canvas()
    instance = drawn.instance(inner, *range(3000), proxyWidgets=rows)
    conversion = convert(drawn.saved(), DEFINITIONS)
    assert set(conversion.exposed[str(instance["id"])]) == {"name 0"}


def test_ids_of_many_digits_are_no_numbers():
    inner = canvas("Edit", 11)
    inner.add("Paint", 5, 6)["id"] = "9" * 5000
    drawn = canvas()
    drawn.instance(inner)
    assert f"1:{'9' * 5000}" in sent(drawn)


class TestGroups:
    """A legacy group node is unpacked by later pages: its nodes have ids of their own, and it gets another."""

    def drawn(self):
        drawn = canvas()
        paint = drawn.add("Paint", 64, 3)
        group = drawn._add("workflow>G", [], 0, "", {})
        group["inputs"] = [{"name": "image", "type": "IMAGE", "link": None}]
        group["outputs"] = [{"name": "IMAGE", "type": "IMAGE", "links": None}]
        drawn.link(paint, 0, group, "image")
        drawn.link(group, 0, drawn.add("Save"), "image")
        turns = [{**canvas().add("Turn"), "id": -1} for _ in range(2)]
        group_nodes = {"G": {"nodes": turns, "links": [[0, 0, 1, 0, 1, "IMAGE"]], "external": []}}
        return drawn.saved(groupNodes=group_nodes)

    def prompts(self):
        return [convert(self.drawn(), DEFINITIONS, frontend=each).prompt for each in ("1.46.15", "1.47.11")]

    def test_ids(self):
        before, after = self.prompts()
        assert set(before) == {"1", "3", "2:0", "2:1"}
        assert set(after) == {"1", "3", "6:4", "6:5"}

    def test_the_prompt_means_the_same(self):
        before, after = self.prompts()
        assert prompt_digest(before) == prompt_digest(after)

    def test_either_id_names_the_node(self):
        _, after = self.prompts()
        assert find_nodes(after, "2:1") == find_nodes(after, "6:5") == ["6:5"]
