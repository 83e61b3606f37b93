"""Chat templates as Hugging Face `transformers` renders them: Jinja's immutable sandbox with its extensions and functions."""

import datetime
import functools
import json
import re

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2026, 3, 4, 5, 6, 7)


class Generation(jinja2.ext.Extension):
    """{% generation %} ... {% endgeneration %} marks what the model says; the text is that between the tags."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@functools.cache
def environment():
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = NOW.strftime
    return made


@functools.lru_cache(maxsize=8)
def parsed(source):
    return environment().from_string(source)


def render(source, variables):
    """{"text": ...} or {"error": ..., "kind": the exception's class}; without the addresses that Python shows."""
    try:
        return {"text": re.sub("(?i) .t 0x[0-9a-f]+>", ">", parsed(source).render(**variables))}
    except Exception as problem:  # whatever Python raises is how the template fails
        return {"error": str(problem), "kind": type(problem).__name__}
