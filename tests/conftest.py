"""What every test runs under."""

pytest_plugins = ["pytester", "tests.canary_plugin", "tests.referee_plugin"]
