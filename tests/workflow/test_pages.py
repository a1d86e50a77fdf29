"""Which version of ComfyUI's page a server has."""

from __future__ import annotations

import pytest

from pytest_comfy.workflow.page import page_of

INSTALLED = [{"name": "comfyui-workflow-templates", "installed": "0.1"}, {"name": "comfyui-frontend-package",
             "installed": "1.48.7", "required": "1.47.11"}]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ({"required_frontend_version": "1.35.9"}, "1.35.9"),
        ({"required_frontend_version": "1.47.11", "comfy_package_versions": INSTALLED}, "1.48.7"),
        ({"required_frontend_version": "1.47.11", "comfy_package_versions": INSTALLED[:1]}, "1.47.11"),
        (
            {"comfy_package_versions": INSTALLED, "argv": ["main.py", "--front-end-version", "Org/Page@1.58.1"]},
            "1.58.1",
        ),
        (
            {"comfy_package_versions": INSTALLED, "argv": ["main.py", "--front-end-version", "Org/Page@latest"]},
            "1.48.7",
        ),
        ({"required_frontend_version": "1.47.11", "argv": ["--front-end-version"]}, "1.47.11"),
        ({"required_frontend_version": "1.47.11", "argv": ["--front-end-version", 5]}, "1.47.11"),
        ({"required_frontend_version": "<script>", "comfy_package_versions": [None, {"name": 1}]}, ""),
        ({"required_frontend_version": 5, "comfy_package_versions": "1.2", "argv": "1.3"}, ""),
        ({}, ""),
    ],
)
def test_the_page_of_a_server(told, version):
    assert page_of({"system": told}) == version


@pytest.mark.parametrize("stats", [{}, {"system": None}, {"system": "1.2"}])
def test_stats_that_are_none(stats):
    assert page_of(stats) == ""
