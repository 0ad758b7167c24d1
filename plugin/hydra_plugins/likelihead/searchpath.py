"""Adds the configs of likelihead to the search path of any Hydra application: it can say distribution=poisson."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from likelihead.commands.resolvers import register
from likelihead.configs import conf_directory


class LikelihoodSearchPath(SearchPathPlugin):
    """Hydra discovers this class and calls it at each start, so nothing slow is imported here."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the config folder, unless it is already there as the application's own."""
        register()
        known = [element.path for element in search_path.get_path()]
        if str(conf_directory()) not in known:
            search_path.append(provider="likelihead", path=f"file://{conf_directory()}")
