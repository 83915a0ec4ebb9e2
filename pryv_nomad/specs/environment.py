"""The jinja2 environment of the job templates.

Delimiters are `[[ value ]]`, `[% statement %]` and `[# comment #]`: consul-template owns `{{ }}` and HCL `${ }`. Each
value becomes an HCL literal (see `escape`), so a template cannot forget to quote; what is undefined is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError, Undefined
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError

from pryv_nomad.errors import SpecError
from pryv_nomad.resources import resource_dir
from pryv_nomad.specs.escape import Raw, literal
from pryv_nomad.specs.layout import tidy


def environment(templates: Path | None) -> Environment:
    """The environment that looks into `templates` first, file by file, and then into the templates of this build."""
    if templates is not None and not templates.is_dir():
        raise SpecError(f"{templates}: no such folder of job templates", "give --templates an existing folder")
    folders: list[BaseLoader] = [FileSystemLoader(folder) for folder in (templates, resource_dir("jobs")) if folder]
    made = Environment(
        loader=ChoiceLoader(folders),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        autoescape=True,  # what a macro returns counts as HCL, and is not quoted again
        finalize=_final,
    )
    made.filters["hcl"] = _inner
    return made


def _final(value: Any) -> Raw:
    return literal(str(value) if isinstance(value, Undefined) else value)  # to say it is what raises the error


def _inner(text: str) -> Raw:
    """Text inside quotes that the template itself writes, such as a label: escaped, not quoted again."""
    return Raw(literal(str(text))[1:-1])


def fill(environment: Environment, name: str, values: Mapping[str, Any]) -> str:
    """The HCL text of template `name`. Raises SpecError, which names the template and the line."""
    try:
        return tidy(environment.get_template(name).render(values))
    except TemplateSyntaxError as error:
        raise SpecError(f"{error.filename or error.name}:{error.lineno}: {error.message}") from None
    except TemplateNotFound as error:
        raise SpecError(f"there is no job template {error.name}") from None
    except (TemplateError, TypeError, AttributeError) as error:
        raise SpecError(f"{_place(error, name)}: {error}", "see docs/jobs.md for what a template may use") from error


def _place(error: BaseException, name: str) -> str:
    """The innermost template line the error passed through: jinja2 gives templates frames of their own."""
    place, step = name, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.endswith(".j2"):
            place = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
        step = step.tb_next
    return place
