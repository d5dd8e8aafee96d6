# Copyright: (c) 2026, Gantry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that Traefik takes and refuses; an integration test asks Traefik itself about each."""

from __future__ import annotations

TAKEN = [
    "Host(`a`) && PathPrefix(`/x`)",
    'host("A.example.")',
    "Host(`*.example.com`)",
    "Pathprefix(`/x`) || PATHPREFIX(`/y`) || pathprefix(`/z`)",
    "!(Host(`a`) || !Path(`/y`))",
    "!!Host(`a`)",
    "Query(`a`)",
    'Query(`a`,"\\u0041\\x41\\101\\n")',
    "QueryRegexp(`a`)",
    "QueryRegexp(`a`, `^[0-9]+$`)",
    "Method(`get`)",
    "Header(`X-A`, `1`) && HeaderRegexp(`x-a`, `^1`)",
    "ClientIP(`10.0.0.1/8`) || ClientIP(`10.0.0.1`) || ClientIP(`fe80::/10`)",
    "Host (\n`a` , )",
    "Host(`a`) &&\n Path(`/a`)",
    "((Host(`a`)))",
    "Host(`a`) /* why */ && Path(`/a`) // more",
    "HOSTREGEXP(`a`) && Hostregexp(`b`)",
    "Host(`a:80`)",
    "Path(`/é`)",
    "Host(`a`)\n",
]
REFUSED = [
    ("", "at character 1, expected a matcher, ! or ( and found the end"),
    ("Host(`a`)\n&& Path(`/a`)", "at character 11, expected && or || and found a line break before &&"),
    ("Host(`a`))", "at character 10, expected && or || and found )"),
    ("Host(`a`) &&", "at character 13, expected a matcher, ! or ( and found the end"),
    ("Host(`a`) & Host(`b`)", "at character 11, '&' is no part of a rule"),
    ("Host(`a`) == Path(`/b`)", "at character 11, '=' is no part of a rule"),
    ("Host('a')", 'at character 6, "\'" is no part of a rule'),
    ("Host(1)", "at character 6, '1' is no part of a rule"),
    ("Host(`a`+`b`)", "at character 9, '+' is no part of a rule"),
    ('Host("a"\n)', "at character 10, expected ) and found a line break before )"),
    ("Host(`a`, `b`)", "at character 1, Host has 2 values; it takes 1"),
    ("Host()", "at character 1, Host has 0 values; it takes 1"),
    ("Host(``)", "at character 1, Host has an empty value"),
    ("Host(`bücher.example`)", "at character 1, Host has 'bücher.example'; write an international name as xn--"),
    ("Header(`X`)", "at character 1, Header has 1 values; it takes 2"),
    ("Path(`y`)", "at character 1, Path has 'y'; a path begins with a slash"),
    ("ClientIP(`10.0.0.0/33`)", "at character 1, ClientIP has '10.0.0.0/33', which is no address"),
    ("ClientIp(`10.0.0.0/8`)", "at character 1, ClientIp is no matcher of Traefik"),
    ("Nope(`x`)", "at character 1, Nope is no matcher of Traefik; accepted are Host, HostRegexp"),
    ('Host("\\q")', 'at character 6, "\\q" has an escape that Go does not know'),
    ('Host("\\ud800")', "at character 6, \\ud800 is no character"),
    ("Host(`a`", "at character 9, expected ) and found the end"),
    ("Host(`a", "at character 6, '`' is no part of a rule"),
    ("(Host(`a`)", "at character 11, expected ) and found the end"),
]
