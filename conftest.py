"""pytester, for the tests of the plugin: pytest wants it named in the root's conftest."""

pytest_plugins = ["pytester"]
