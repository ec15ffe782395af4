"""a Jinja2 template + the variables of an article -> the text it gives, or a sentence about what is wrong with it.

The sandbox keeps a template from the program around it; the caps keep a slip in it from holding up delivery.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from feedpub.errors import ComposeError
from feedpub.notices.atoms import BLANK, shown

VARIABLES = (
    "action",
    "authors",
    "categories",
    "guid",
    "hashtags",
    "headline",
    "id",
    "image",
    "key",
    "language",
    "notice",
    "published",
    "site",
    "summary",
    "tags",
    "title",
    "updated",
    "url",
)
"""What a template may speak of; every one is always there, empty where an article has nothing to say."""

_MOST_STEPS = 10_000
_MOST_LETTERS = 100_000
_STEPS = "__steps"
# Of chance, or made to produce any amount of nothing.
_NO_FILTERS = ("random", "batch", "slice", "center", "indent")
_NO_GLOBALS = ("lipsum",)


class _Endless(Exception):  # noqa: N818 - says what the template is
    """The template loops or writes beyond all need."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Counts calls, and repeats no text beyond the cap."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja2's signature
        """Let numbers be multiplied; a text or a list only up to the cap."""
        much = _size(left) * _size(right)
        if operator == "**" or much > _MOST_LETTERS:
            raise _Endless
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, what: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Jinja2's signature
        """Take one step: a macro that calls itself twice would never end."""
        next(context[_STEPS])
        return super().call(context, what, *args, **kwargs)


def render(source: str, variables: Mapping[str, object]) -> str:
    """Write the text as it comes out, `BLANK`s included; raises ComposeError with the sentence to show.

    A result 100,000 letters longer than a few times all its variables is refused.
    """
    most = _MOST_LETTERS + 4 * sum(len(value) for value in variables.values() if isinstance(value, str))
    out: list[str] = []
    try:
        for part in _compiled(source).generate({**variables, _STEPS: _steps()}):
            out.append(part)
            most -= len(part)
            if most < 0:
                raise _Endless  # noqa: TRY301 - caught with those raised inside the template
    except ComposeError:
        raise
    except Exception as error:  # a template may raise anything at all
        raise ComposeError(_sentence(error)) from error
    return "".join(out)


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    try:
        tree = _environment().parse(source)
        _check_names(tree)
        return _environment().from_string(_tamed(tree))
    except TemplateSyntaxError as error:
        raise ComposeError(_sentence(error)) from error


@lru_cache(maxsize=1)
def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False)  # texts, not HTML
    for name in _NO_FILTERS:
        del environment.filters[name]
    for name in _NO_GLOBALS:
        del environment.globals[name]
    environment.filters |= {"tojson": _tojson, "counted": _counted, "shown": shown}
    return environment


def _tamed(tree: nodes.Template) -> nodes.Template:
    """Have every loop counted, and every place marked where nothing may come out."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, "counted")
    # What a block only keeps for later, a template may still ask whether it is empty.
    kept = tree.find_all((nodes.Macro, nodes.CallBlock, nodes.AssignBlock, nodes.FilterBlock))
    unseen = {id(node) for block in kept for node in block.find_all(nodes.Stmt)}
    tree.body = _marked(tree.body)
    for node in [node for node in tree.find_all(nodes.Stmt) if id(node) not in unseen]:
        if isinstance(node, nodes.If | nodes.For):
            node.body = [_blank(), *_marked(node.body)]
            node.else_ = [_blank(), *_marked(node.else_)] if node.else_ else []
        elif isinstance(node, nodes.Output):
            node.nodes = [_shown_part(part) for part in node.nodes]
    tree.set_environment(_environment())
    return tree


def _marked(body: list[nodes.Node]) -> list[nodes.Node]:
    return [one for node in body for one in ([node] if isinstance(node, nodes.Output) else [node, _blank()])]


def _shown_part(part: nodes.Expr) -> nodes.Expr:
    return part if isinstance(part, nodes.TemplateData) else _filtered(part, "shown")


def _blank() -> nodes.Output:
    return nodes.Output([nodes.TemplateData(BLANK)])


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _check_names(tree: nodes.Template) -> None:
    if next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None):
        raise ComposeError("a template stands alone: it cannot include, import or extend another")
    for name in sorted(meta.find_undeclared_variables(tree) - {*VARIABLES, *_environment().globals}):
        near = get_close_matches(name, VARIABLES, n=1)
        meant = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(VARIABLES)}"
        raise ComposeError(f'the template speaks of "{name}", which does not exist ({meant})')


def _sentence(error: Exception) -> str:
    if isinstance(error, TemplateSyntaxError):
        return f"the template cannot be read: look at its line {error.lineno} for a bracket, a tag or a filter's name"
    if isinstance(error, UndefinedError):
        return (
            "the template speaks of a part that is not there; ask first, as in {% if image %}{{ image.url }}{% endif %}"
        )
    if isinstance(error, SecurityError):
        return "the template does something that templates may not do"
    if isinstance(error, _Endless | RecursionError | OverflowError | MemoryError):
        return "the template does not come to an end: it loops or writes far too much"
    return "the template fails: it treats a value as something it is not, such as a list as a text"


# ---------------------------------------------------------------- what templates are given to work with


def _steps() -> Iterator[None]:
    """Allow so many steps to one rendering."""
    yield from (None for _ in range(_MOST_STEPS))
    raise _Endless


@pass_context
def _counted(context: Context, items: Iterable[object]) -> Iterator[object]:
    for item in items:
        next(context[_STEPS])
        yield item


def _tojson(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _size(value: object) -> int:
    return abs(value) if isinstance(value, int) else len(value) if isinstance(value, str | list | tuple) else 1
