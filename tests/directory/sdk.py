"""What msgraph-sdk itself makes of a call on Graph: its path, its query, its models. Nothing here is a table of ours.

A path is walked through the SDK's request builders; the models come from the annotations of the builder that it ends
at. So a path, a query option or a property that the SDK does not know has nowhere to hide.
"""

import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.serialization import Parsable
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph.graph_service_client import GraphServiceClient

# Annotations of OData's own, which models may carry beside their properties.
_ANNOTATION = "@odata."
METHODS = {method.value: method for method in Method}
_LISTS = frozenset({"select", "expand", "orderby"})


class NotInTheSdk(AssertionError):
    """The SDK has no builder, query option or model for what was sent."""


def builder(client: GraphServiceClient, path: str) -> Any:
    """Return the SDK's request builder for a path below the version. Raises NotInTheSdk."""
    found: Any = client
    for segment in path.strip("/").split("/"):
        name = _attribute(segment)
        if hasattr(type(found), name):
            found = getattr(found, name)
            continue
        by = [n for n in dir(found) if n.startswith("by_")]
        if len(by) != 1:
            raise NotInTheSdk(f"{path}: the SDK has no '{segment}' there")
        found = getattr(found, by[0])(segment)
    return found


def request(found: Any, verb: str, query: Mapping[str, str], body: Any = None) -> RequestInformation:
    """Return the SDK's own request at a builder, with these query options. Raises NotInTheSdk for one it lacks."""
    make = getattr(found, f"to_{verb.lower()}_request_information", None)
    if make is None:
        raise NotInTheSdk(f"{type(found).__name__} has no {verb}")
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    if query:
        wanted = f"{verb.title()}QueryParameters"
        kinds = [v for n, v in vars(type(found)).items() if n.endswith(wanted)]
        if not kinds:
            raise NotInTheSdk(f"{type(found).__name__} has no query options for {verb}")
        configuration.query_parameters = kinds[0](**{n.removeprefix("$"): _option(n, v) for n, v in query.items()})
    needs_body = "body" in inspect.signature(make).parameters
    made: RequestInformation = make(body, configuration) if needs_body else make(configuration)
    return made


def address(url: str) -> tuple[str, dict[str, str]]:
    """Return path and query of a URL, decoded, for comparison. The SDK shortens the namespace of a cast to `graph`."""
    parts = urlsplit(url)
    path = parts.path.partition("/v1.0")[2] or parts.path
    return unquote(path).replace("/microsoft.graph.", "/graph."), dict(parse_qsl(parts.query, keep_blank_values=True))


def answer_model(found: Any, verb: str) -> type[Parsable] | None:
    """Return the model that the SDK reads the answer with; None where it expects no body."""
    said = inspect.signature(getattr(found, verb.lower())).return_annotation
    name = re.sub(r"^Optional\[(.*)\]$", r"\1", said or "None")
    return None if name == "None" else _model(found, name)


def body_model(found: Any, verb: str) -> type[Parsable] | None:
    """Return the model that the SDK writes the body with; None where there is none."""
    body = inspect.signature(getattr(found, verb.lower())).parameters.get("body")
    return None if body is None else _model(found, body.annotation)


def parse(document: Any, model: type[Parsable]) -> Any:
    """Return a document as the SDK's own JSON reader makes it."""
    node = JsonParseNodeFactory().get_root_parse_node("application/json", json.dumps(document).encode())
    factory: Any = model  # a model is its own factory, which its type does not say
    return node.get_object_value(factory)


def serialise(parsed: Parsable) -> Any:
    """Return the document that the SDK's own JSON writer makes."""
    writer = JsonSerializationWriter()
    writer.write_object_value(None, parsed)
    return json.loads(writer.get_serialized_content())


def lost(document: Any, model: type[Parsable]) -> list[str]:
    """Return the places of `document` that the SDK's model does not know, or does not give back as they were."""
    parsed = parse(document, model)
    return sorted({*_unknown(parsed), *_changed(document, serialise(parsed))})


def _attribute(segment: str) -> str:
    plain = segment.lstrip("$").replace("microsoft.graph.", "graph.").replace(".", "_")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", plain).lower()


def _option(name: str, value: str) -> Any:
    plain = name.removeprefix("$")
    if plain in _LISTS:
        return value.split(",")
    if plain == "count":
        return value == "true"
    return int(value) if plain == "top" else value


def _model(found: Any, name: str) -> type[Parsable]:
    module = inspect.getmodule(type(found))
    assert module is not None
    line = re.search(rf"from (\.[\w.]+) import {name}\b", inspect.getsource(module))
    if line is None:
        raise NotInTheSdk(f"{module.__name__} does not import {name}")
    model: type[Parsable] = getattr(importlib.import_module(line[1], module.__package__), name)
    return model


def _unknown(parsed: Any, place: str = "") -> Iterator[str]:
    """Yield what landed among the additional data, at any depth: properties that the model has not."""
    for name, value in vars(parsed).items() if isinstance(parsed, Parsable) else ():
        if name == "additional_data":
            yield from (f"{place}/{key}" for key in value if not key.startswith(_ANNOTATION))
        elif name == "backing_store":
            continue
        else:
            for number, item in enumerate(value if isinstance(value, list) else [value]):
                yield from _unknown(item, f"{place}/{name}[{number}]")


def _changed(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield where `after` differs. Nulls are not written; `_unknown` tells the ones that no model knows."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if value is not None:
                yield from _changed(value, after.get(name), f"{place}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changed(one, other, f"{place}[{number}]")
    elif _plain(before) != _plain(after):
        yield place


def _plain(value: Any) -> Any:
    """Return a time as an instant: the SDK writes +00:00 for Z, and fewer decimals."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and len(value) > len("2026-11-30") else value
    except ValueError:
        return value
