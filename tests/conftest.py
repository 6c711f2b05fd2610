"""Settings of the whole suite."""

import os

from hypothesis import settings

pytest_plugins = ("secret_watch",)

# Continuous integration repeats the same examples, so that a red run is the change's doing; elsewhere they vary.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
