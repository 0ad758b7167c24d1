"""Adds the configs of likelihead to the search path of any Hydra application, so that distribution=poisson works."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from likelihead.commands.resolvers import register
from likelihead.configs import conf_directory


class LikelihoodSearchPath(SearchPathPlugin):
    """The plugin; Hydra calls it whenever it starts, so this module imports nothing slow."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the config directory, unless the application itself already uses it."""
        register()
        paths = [element.path for element in search_path.get_path()]
        if str(conf_directory()) not in paths:
            search_path.append(provider="likelihead", path=f"file://{conf_directory()}")
