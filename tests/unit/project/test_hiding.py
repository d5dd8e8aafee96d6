# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No task hides a failure or shows a secret, however its YAML is written; a reason is a comment on the same line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.quality.tree import listed
from tests.unit.project.tree import ROOT

# Anything but a plain false hides, and no reason makes it good.
_NEVER = {"ignore_errors", "max_fail_percentage"}
# Over several tasks, the ones behind a lost host go on without it, and none of them judges that.
_SEVERAL = {"hosts", "block"}
# A constant other than true hides; what a variable decides is the user's.
_GUARDS = {"no_log", "tls_verify", "validate_certs", "verify"}
_FALSE, _TRUE = {"false", "no", "off", "n", "0"}, {"true", "yes", "on", "y", "1"}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAMES = re.compile(r"[A-Za-z_]\w*")
_WORDS = _FALSE | _TRUE | {"not", "and", "or", "is", "in", "none", "null", "bool"}
_SILENT = {"ansible.builtin.debug", "ansible.builtin.meta", "debug", "meta"}
_SHELL = re.compile(r"\|\|\s*(true|:|exit 0)(\s|$)")


def _pairs(node: yaml.Node) -> Iterator[tuple[int, str, yaml.Node, bool]]:
    """Every key of the document with its line, its value, and whether it holds for several tasks."""
    if isinstance(node, yaml.MappingNode):
        several = not _SEVERAL.isdisjoint(_keys(node))
        for key, value in node.value:
            yield key.start_mark.line, str(key.value), value, several
            yield from _pairs(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _pairs(item)


def _texts(node: yaml.Node) -> list[str]:
    """The scalars of a value in lower case; one that is given as a list has several, or none."""
    return [str(one.value).strip().lower() for one in (node.value if isinstance(node, yaml.SequenceNode) else [node])]


def _bare(text: str) -> str:
    """A constant without the template around it."""
    return text.replace("{{", "").replace("}}", "").strip().strip("'\"")


def _decides(text: str) -> bool:
    """Whether a condition depends on anything but constants."""
    return bool(set(_NAMES.findall(_QUOTED.sub("", text))) - _WORDS)


def _keys(node: yaml.Node) -> set[str]:
    return {str(key.value) for key, _value in node.value}


def _hides(key: str, value: yaml.Node) -> bool:
    texts = _texts(value)
    if key in _NEVER or key == "ignore_unreachable":
        return texts[:1] not in [[word] for word in _FALSE]
    if key in _GUARDS and isinstance(value, yaml.ScalarNode):
        return not _decides(texts[0]) and _bare(texts[0]) not in _TRUE
    if key == "failed_when":
        return not any(_decides(text) for text in texts)
    if key == "rescue":
        # What only prints goes on as if nothing had happened; what is registered is read later.
        return all(_keys(task) & _SILENT and "register" not in _keys(task) for task in value.value or [])
    return isinstance(value, yaml.ScalarNode) and bool(_SHELL.search(value.value))


def hidden(source: str, path: str = "roles/x.yml") -> list[str]:
    """The keys that hide a failure, or put a secret where others see it, with their lines."""
    lines = source.splitlines()
    found = []
    for document in yaml.compose_all(source, yaml.SafeLoader):
        for line, key, value, several in _pairs(document):
            never = key in _NEVER or (key == "ignore_unreachable" and several)
            excused = not never and "  # " in lines[line]
            # Ansible writes the environment of a task into the command line of its process, and into its verbose log.
            shown = key == "environment" and not path.startswith("extensions/")
            if shown or (_hides(key, value) and not excused):
                found.append(f"{key} in line {line + 1}")
    return found


@pytest.mark.parametrize("path", listed(ROOT, "playbooks/*.yml", "roles/*.yml", "extensions/*.yml"))
def test_no_failure_is_hidden(path: str) -> None:
    found = hidden((ROOT / path).read_text(encoding="utf-8"), path)
    assert not found, f"{path} hides a failure, or does not say on that line why it is none: {found}"


@pytest.mark.parametrize(
    "words",
    [
        "ignore_errors: True", "ignore_errors: on", 'ignore_errors: "{{ true }}"', "ignore_errors: '{{ x }}'",
        "ignore_errors: yes  # why not", "'ignore_errors': y", "ignore_unreachable: 'Yes'", "max_fail_percentage: 100",
        "failed_when: []", "failed_when: False", "failed_when: ''", "failed_when:", 'failed_when: "{{ false }}"',
        "failed_when: [false]", "failed_when: not true", "failed_when: \"'a' == 'b'\"",
        "no_log: off", 'no_log: "{{ false }}"', "validate_certs: No", "validate_certs: \"{{ 'no' }}\"", "verify: 0",
        "rescue: []", "rescue: [{ansible.builtin.debug: {msg: x}}]", "rescue: [{meta: clear_host_errors}]",
        "shell: rm x || true", "environment: {REDISCLI_AUTH: x}", "{ignore_errors: true}",
        "hosts: all\nignore_unreachable: true  # why not", "block: []\nignore_unreachable: true  # why not",
    ],
)  # fmt: skip
def test_what_hides_is_found_however_it_is_written(words: str) -> None:
    assert len(hidden(words)) == 1


@pytest.mark.parametrize(
    "words",
    [
        "ignore_errors: false", "failed_when: answer.rc != 0", "failed_when: [answer.rc > 1]", "no_log: true",
        "no_log: '{{ secret is defined }}'", "validate_certs: '{{ tls_verify }}'",
        "validate_certs: false  # asked by address", "ignore_unreachable: true  # judged below",
        "rescue: [{ansible.builtin.fail: {msg: x}}]", "rescue: [{ansible.builtin.debug: {msg: x}, register: seen}]",
        "verify: {type: bool, default: true}",
    ],
)  # fmt: skip
def test_what_hides_nothing_is_not_found(words: str) -> None:
    assert hidden(words) == []
