"""What `orderfold check` finds in people, routing, access, notices and the OCEL mapping."""

from __future__ import annotations

import pytest

from engine.policy.check import check
from tests.streams import NOW, edited

Edit = tuple[str, str]
SHA = "ab" * 32

CASES: list[tuple[list[Edit], str, str, str]] = [
    (
        [("he.jun: {group: warehouse,", "he.jun: {group: warehose,")],
        "people.he.jun.group",
        "there is no group 'warehose'",
        "Did you mean 'warehouse'?",
    ),
    (
        [("group: warehouse, backup: tang.li", "group: warehouse, backup: tang.lee")],
        "people.he.jun.backup",
        "there is no person 'tang.lee'",
        "Did you mean 'tang.li'?",
    ),
    (
        [("group: warehouse, backup: tang.li", "group: warehouse, backup: he.jun")],
        "people.he.jun.backup",
        "he.jun cannot be their own backup",
        "somebody else",
    ),
    (
        [("chen.hao: {group: service,", "chen.hao: {group: service, supervisor: lin.yue,")],
        "people.chen.hao.supervisor",
        "the supervisors lead round in a circle",
        "topmost",
    ),
    (
        [("supervisor: chen.hao, shifts: [office]}", "supervisor: chen.hao, shifts: [ofice]}")],
        "people.lin.yue.shifts[0]",
        "there is no calendar 'ofice'",
        "Did you mean 'office'?",
    ),
    (
        [("shifts: [office]}", "shifts: [office], absences: [{from: 2027-01-08, until: 2027-01-04}]}")],
        "people.lin.yue.absences[0]",
        "it ends before it begins",
        "Exchange",
    ),
    ([("  frozen: risk ", "  frozen: riks ")], "routing.frozen", "there is no group 'riks'", "Did you mean 'risk'?"),
    (
        [("{states: [review], owner: gao.yi,", "{states: [revue], owner: gao.yi,")],
        "routing.routes[0].states[0]",
        "there is no state 'revue'",
        "Did you mean 'review'?",
    ),
    (
        [("{states: [review], owner: gao.yi,", "{states: [review], owner: gao.yu,")],
        "routing.routes[0].owner",
        "there is no person 'gao.yu'",
        "Did you mean 'gao.yi'?",
    ),
    (
        [("    - {owner: zhou.min, group: service}", "    - {channels: [jd]}\n    - {owner: zhou.min}")],
        "routing.routes[5]",
        "it names neither owner nor group",
        "whose these orders are",
    ),
    (
        [("    - {channels: [taobao, jd], owner: lin.yue", "    - {owner: he.jun}\n    - {channels: [taobao, jd], owner: lin.yue")],
        "routing.routes[5]",
        "it can never match: that on line",
        "narrower route first",
    ),
    (
        # Neither of the two before it takes all of it, both together do.
        [
            (
                "    - {states: [review], owner: gao.yi, group: risk}",
                "    - {channels: [jd], categories: [fresh, general, presale], owner: he.jun}\n"
                "    - {channels: [jd], categories: [custom, high_value], owner: tang.li}\n"
                "    - {channels: [jd], categories: [fresh, custom], owner: gao.yi}\n"
                "    - {states: [review], owner: gao.yi, group: risk}",
            )
        ],
        "routing.routes[2]",
        "it can never match: those before it take all its orders",
        "narrower route first",
    ),
    (
        [("    - {states: [review], owner: gao.yi", "    - {channels: [olist], states: [picking], owner: gao.yi")],
        "routing.routes[0]",
        "its channels' lifecycles have none of its states",
        "Correct one",
    ),
    (
        [("  channels: []\n\n# ----", "  channels: [olist]\n\n# ----")],
        "review.channels[0]",
        "the rule cannot apply: the lifecycle of 'olist' has no move for review.required",
        "Add the move",
    ),
    (
        [("viewer: {actions: [read]}", "viewer: {actions: [raed]}")],
        "roles.viewer.actions[0]",
        "there is no action 'raed'",
        "Did you mean 'read'?",
    ),
    (
        [("clerk: {actions: [read,", "clerk: {actions: [read, ordr.*,")],
        "roles.clerk.actions[1]",
        "there is no action 'ordr.*'",
        "",
    ),
    (
        [("tokens: []", f"tokens:\n  - {{name: a, roles: [viewer], sha256: {SHA}, env: TOKEN_A}}")],
        "tokens[0]",
        "it needs `sha256` or `env`, one of the two",
        "Keep the one",
    ),
    (
        [("tokens: []", f"tokens:\n  - {{name: a, roles: [viewer], sha256: {SHA}}}\n  - {{name: b, roles: [viewer], sha256: {SHA}}}")],
        "tokens[1]",
        "it is the same token as on line",
        "for each name",
    ),
    (
        [("tokens: []", "tokens:\n  - {name: a, roles: [veiwer], env: TOKEN_A}")],
        "tokens[0].roles[0]",
        "there is no role 'veiwer'",
        "Did you mean 'viewer'?",
    ),
    (
        [("tokens: []", "tokens:\n  - {name: a, roles: [sender], env: TOKEN_A}")],
        "tokens[0]",
        "it may send, but from no source",
        "Give its `sources`",
    ),
    (
        [("tokens: []", "tokens:\n  - {name: a, roles: [sender], env: TOKEN_A, sources: [/orderfold/x]}")],
        "tokens[0].sources[0]",
        "the engine's own",
        "sender's own",
    ),
    (
        [('text: "{order} is frozen in {state}: {reason}.', 'text: "{order} is frozen in {sate}: {reason}.')],
        "notices.frozen.text",
        "the variable {sate} is missing",
        "Did you mean 'state'?",
    ),
    (
        [('text: "{order} goes on from {state}', 'text: "{order} goes on from {state')],
        "notices.thawed.text",
        "the template is broken",
        "Write {{ and }}",
    ),
    (
        [('text: "{order} goes on from {state}', 'text: "{order.__class__} goes on from {state}')],
        "notices.thawed.text",
        "is no plain variable",
        "{order}",
    ),
    (
        [("  frozen: {via: [wecom],", "  frozen: {via: [wecon],")],
        "notices.frozen.via[0]",
        "there is no delivery 'wecon'",
        "Did you mean 'wecom'?",
    ),
    ([("  limbo: Look", "  limbos: Look")], "guides.limbos", "no kind of work item", "Did you mean 'limbo'?"),
    ([("    doubted: 15", "    dubted: 15")], "health.points.dubted", "nothing costs points", "Did you mean 'doubted'?"),
    (
        [("type: order.confirmed.v1", "type: order.confirmed.v2")],
        "ocel.events.confirm order.type",
        "no type that may be sent",
        "Did you mean 'order.confirmed.v1'?",
    ),
    (
        [("type: order.confirmed.v1", "type: order.held.v1")],
        "ocel.events.confirm order.type",
        "no type that may be sent",
        "",
    ),
    (
        [("data: {payment: \"{$id}\", amount:", "data: {payment: \"{$id}\", amuont:")],
        "ocel.events.pay order.data.amuont",
        "the type has no field 'amuont'",
        "Did you mean 'amount'?",
    ),
    (
        [("data: {payment: \"{$id}\", amount:", "data: {payment: \"{$id}\", amuont:")],
        "ocel.events.pay order.data",
        "the field 'amount' of the type is missing",
        "Write amount:",
    ),
    (
        [('amount: "{order@price|cents}"', 'amount: "{order@price|pence}"')],
        "ocel.events.pay order.data.amount",
        "'pence' is no unit",
        "OcelEventText",
    ),
    (
        [('data: {lines: "{*item}"}', 'data: {lines: "{item}"}')],
        "ocel.events.pick item.data.lines",
        "the field holds a list",
        "{*qualifier}",
    ),
    (
        [('line: "{.}"', 'line: "{*.}"')],
        "ocel.events.place order.data.lines.give.line",
        "the field holds one value",
        "Drop the *",
    ),
    (
        [('customer: {account: "{customer}"}', 'customer: {account: "{.}"}')],
        "ocel.events.place order.data.customer.account",
        "`.` is the object of `each`",
        "qualifier of the event",
    ),
    (
        [("          each: item\n", "          each: item@price\n")],
        "ocel.events.place order.data.lines.each",
        "does not lead to objects",
        "qualifiers only",
    ),
    (
        [("      order: item/^comprises\n", "      order: /comprises\n")],
        "ocel.events.pick item.order",
        "is no path",
        "qualifiers only",
    ),
    (
        [("ignore: [reorder item,", "ignore: [pick item,")],
        "ocel.ignore[0]",
        "'pick item' is ignored, and mapped on line",
        "Keep one",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "path", "problem", "remedy"), CASES)
def test_what_is_wrong_is_an_error_with_line_and_remedy(
    edits: list[Edit], path: str, problem: str, remedy: str
) -> None:
    found = [f for f in check(edited(*edits), NOW) if f.path == path and problem in f.problem]

    assert len(found) == 1, "\n".join(map(str, check(edited(*edits), NOW)))
    assert found[0].severity == "error"
    assert found[0].line > 0
    assert remedy in found[0].remedy


WARNINGS: list[tuple[Edit, str, str]] = [
    (
        ("he.jun: {group: warehouse, backup: tang.li,", "he.jun: {group: warehouse,"),
        "people.he.jun",
        "a ladder tells the backup, and he.jun, who owns orders, has none",
    ),
    (
        ("    - {owner: zhou.min, group: service}", "    - {channels: [pos], owner: zhou.min}"),
        "routing.routes",
        "has no owner",
    ),
    (("  limbo: Look", "  # limbo: Look"), "guides", "work items of kind 'limbo' have no guide"),
    (("  correction: {via", "  # correction: {via"), "notices", "there is no text for 'correction'"),
    (
        ("tokens: []", "tokens:\n  - {name: a, roles: [sender], env: TOKEN_A, sources: [/shops/x]}"),
        "tokens[0].sources[0]",
        "'/shops/x' is of no channel, so its orders are of 'other'",
    ),
    (
        ("source: /channels/ocel/order-management", "source: /logs/ocel"),
        "ocel.source",
        "'/logs/ocel' is of no channel",
    ),
]


@pytest.mark.parametrize(("edit", "path", "problem"), WARNINGS)
def test_what_is_probably_not_meant_is_a_warning(edit: Edit, path: str, problem: str) -> None:
    (finding,) = check(edited(edit), NOW)

    assert (finding.path, finding.severity) == (path, "warning")
    assert problem in finding.problem
    assert finding.remedy
