"""a Jinja2 template + the variables of an article -> the text it gives, or a sentence about what is wrong with it.

A condition (`when`) is an expression of the same language, and gives yes or no. The sandbox keeps both from the program
around them; the caps keep a slip in them from holding up delivery.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
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

_Kind = Literal["template", "condition"]
_YES = "yes"


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
    try:
        return _generated(_compiled(source), variables)
    except ComposeError:
        raise
    except Exception as error:  # a template may raise anything at all
        raise ComposeError(_sentence(error, "template")) from error


def meets(condition: str, variables: Mapping[str, object]) -> bool:
    """Tell whether a condition holds; raises ComposeError with the sentence to show."""
    try:
        return _YES in _generated(_compiled_condition(condition), variables)
    except ComposeError:
        raise
    except Exception as error:  # so may a condition
        raise ComposeError(_sentence(error, "condition")) from error


def _generated(template: Template, variables: Mapping[str, object]) -> str:
    most = _MOST_LETTERS + 4 * sum(len(value) for value in variables.values() if isinstance(value, str))
    out: list[str] = []
    for part in template.generate({**variables, _STEPS: _steps()}):
        out.append(part)
        most -= len(part)
        if most < 0:
            raise _Endless
    return "".join(out)


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    tree = _environment().parse(source)
    _check_names(tree, "template")
    return _environment().from_string(_tamed(tree))


@lru_cache(maxsize=256)
def _compiled_condition(condition: str) -> Template:
    """Make it a template that says yes. The parser takes one expression and nothing else, so it can end no sooner."""
    parser = Parser(_environment(), condition, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError("more than an expression", parser.stream.current.lineno)
    yes = nodes.Output([nodes.TemplateData(_YES)])
    tree = nodes.Template([nodes.If(_filtered(expression, "met"), [yes], [], [])], lineno=1)
    tree.set_environment(_environment())
    _check_filters(tree)  # first: Jinja2 leaves out what it sees cannot count while names are looked up
    _check_names(tree, "condition")
    return _environment().from_string(_tamed(tree))


@lru_cache(maxsize=1)
def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False)  # texts, not HTML
    for name in _NO_FILTERS:
        del environment.filters[name]
    for name in _NO_GLOBALS:
        del environment.globals[name]
    environment.filters |= {"tojson": _tojson, "counted": _counted, "shown": shown, "met": _met}
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


def _check_names(tree: nodes.Template, kind: _Kind) -> None:
    if next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None):
        raise ComposeError("a template stands alone: it cannot include, import or extend another")
    for name in sorted(meta.find_undeclared_variables(tree) - {*VARIABLES, *_environment().globals}):
        near = get_close_matches(name, VARIABLES, n=1)
        meant = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(VARIABLES)}"
        raise ComposeError(f'the {kind} speaks of "{name}", which does not exist ({meant})')


def _check_filters(condition: nodes.Template) -> None:
    """Refuse what Jinja2 itself misses only when it comes to it: a condition is never sure to be asked whole."""
    for node in condition.find_all((nodes.Filter, nodes.Test)):
        known = _environment().filters if isinstance(node, nodes.Filter) else _environment().tests
        if node.name not in known:
            raise ComposeError(f'the condition uses "{node.name}", which does not exist')


_HOW_TO_READ = {
    "template": "look at its line {line} for a bracket, a tag or a filter's name",
    "condition": "write an expression without {{{{ }}}}, such as \"'F-35' in tags\"",
}
_HOW_TO_ASK = {"template": "{% if image %}{{ image.url }}{% endif %}", "condition": "image and image.url"}


def _sentence(error: Exception, kind: _Kind) -> str:
    if isinstance(error, TemplateSyntaxError):
        return f"the {kind} cannot be read: {_HOW_TO_READ[kind].format(line=error.lineno)}"
    if isinstance(error, UndefinedError):
        return f"the {kind} speaks of a part that is not there; ask first, as in {_HOW_TO_ASK[kind]}"
    if isinstance(error, SecurityError):
        return f"the {kind} does something that {kind}s may not do"
    if isinstance(error, _Endless | RecursionError | OverflowError | MemoryError):
        return f"the {kind} does not come to an end: it loops or writes far too much"
    return f"the {kind} fails: it treats a value as something it is not, such as a list as a text"


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


def _met(value: object) -> bool:
    """Take a selection (`tags | select(…)`) for what it finds: by itself it would always count as yes."""
    return any(True for _ in value) if isinstance(value, Iterator) else bool(value)


def _tojson(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _size(value: object) -> int:
    return abs(value) if isinstance(value, int) else len(value) if isinstance(value, str | list | tuple) else 1
