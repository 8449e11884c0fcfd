"""A small app for the host's own tests."""

import azure.functions as func
from sample_blueprint import blueprint  # type: ignore[import-not-found]  # the app's directory is on the path

app = func.FunctionApp()
app.register_functions(blueprint)
