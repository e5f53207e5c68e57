"""Shell completion: the scripts for bash, zsh and fish, and what is offered for targets and values.

Click asks for what is offered when a shell runs flowtui with `_FLOWTUI_COMPLETE` set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

if TYPE_CHECKING:
    from flowtui.sources.registry import Where

VARIABLE = "_FLOWTUI_COMPLETE"
"""What a shell's script sets when it asks for completions."""

PATIENCE = 1.0
"""Seconds that a provider has to name flows or runs."""

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]*")
"""Names that no shell takes for anything else; others are not offered."""

_SAFE_PATH = re.compile(r"[A-Za-z0-9_.:@+/-]+")


@add_completion_class
class _Bash(BashComplete):
    """Completes whole words, of which bash replaces only what stands behind the last `:` or `=`, or
    from the last `@` on. What ends in `/` or `@` goes on, and gets no blank."""

    source_template = r"""
%(complete_func)s() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^:=@]} type value
    local word=${line##*[[:space:]]}
    local kept=${word%%"${word##*[$breaks]}"}
    [[ -n $breaks ]] && kept=${kept%%@} || kept=
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$kept"}") ;;
        esac
    done < <(COMP_WORDS=$line %(complete_var)s=bash_complete "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *[/@] ]] && compopt -o nospace
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])


@add_completion_class
class _Zsh(ZshComplete):
    """Click's, but what ends in `/` or `@` goes on, and gets no blank."""

    source_template = r"""#compdef %(prog_name)s
%(complete_func)s() {
    local -a response whole begun described
    local type key descr
    response=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete ${words[1]} 2>/dev/null)}")
    for type key descr in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $descr != _ ]]; then described+=("$key:$descr")
                elif [[ $key == *[/@] ]]; then begun+=("$key")
                else whole+=("$key"); fi ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#whole )) && compadd -V unsorted -a whole
    (( $#begun )) && compadd -V unsorted -S '' -a begun
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete flowtui's commands, options, flows and runs."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101
    click.echo(found(ctx.find_root().command, {}, "flowtui", VARIABLE).source().lstrip())


def quietly() -> None:
    """Keep what goes wrong off the line that is being typed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def targets(ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Flows, the runs of a flow, the steps of a run, or the tasks of a step."""
    *path, begun = incomplete.split("/")
    if len(path) > 3:
        return []
    before = "".join(f"{part}/" for part in path)
    names = _names(ctx, path)
    if len(path) == 1:
        names = ["@latest", *names] if names else []
    after = "" if path else "/"
    return [CompletionItem(f"{before}{name}{after}") for name in _offered(names, begun)]


def steps(ctx: click.Context, _param: Any, incomplete: str) -> list[CompletionItem[str]]:
    """The steps that the run to be resumed has reached."""
    # Click takes no argument in from a line that ends in an option without its value.
    target = next((word for word in ctx.args if "/" in word), "")
    names = _names(ctx, target.split("/")[:2]) if target else []
    return [CompletionItem(name) for name in _offered(names, incomplete) if name != "_parameters"]


def providers(_ctx: Any, _param: Any, incomplete: str) -> list[CompletionItem[str]]:
    """The kinds of provider, and folders behind `local@`."""
    kind, at, folder = incomplete.partition("@")
    if not at:
        return _items(word for word in ("local@", "service@") if word.startswith(kind))
    if kind != "local":
        return []
    above, begun = os.path.split(folder)
    try:
        with os.scandir(os.path.expanduser(above) or ".") as found:
            names = sorted(entry.name for entry in found if entry.is_dir())
    except OSError:
        return []
    paths = (os.path.join(above, name) for name in names if name.startswith(begun))
    shown = [path for path in paths if begun or not os.path.basename(path).startswith(".")]
    return _items(f"local@{path}/" for path in shown if _SAFE_PATH.fullmatch(path))


def themes(_ctx: Any, _param: Any, incomplete: str) -> list[CompletionItem[str]]:
    """Textual's themes."""
    from textual.theme import BUILTIN_THEMES

    return _items(name for name in BUILTIN_THEMES if name.startswith(incomplete))


def palettes(_ctx: Any, _param: Any, incomplete: str) -> list[CompletionItem[str]]:
    """The palettes of states."""
    from flowtui.theme import PALETTES

    return _items(name for name in PALETTES if name.startswith(incomplete))


def _names(ctx: click.Context, path: Sequence[str]) -> Sequence[str]:
    from flowtui.sources.names import names_in_time

    if not all(_SAFE.fullmatch(part) or part == "@latest" for part in path):
        return []
    where = _where(ctx)
    resolved = list(path)
    if "@latest" in path[1:2]:
        newest = names_in_time(where, path[:1], PATIENCE)
        if not newest:
            return []
        resolved[1] = newest[0]
    return names_in_time(where, resolved, PATIENCE)


def _where(ctx: click.Context) -> Where:
    from flowtui.sources.registry import Where

    return Where(ctx.params.get("metadata"), ctx.params.get("namespace"))


def _offered(names: Iterable[str], begun: str) -> Sequence[str]:
    matching = [name for name in names if name.startswith(begun)]
    return [name for name in matching if _SAFE.fullmatch(name) or name == "@latest"]


def _items(words: Iterable[str]) -> list[CompletionItem[str]]:
    return [CompletionItem(word) for word in words]
