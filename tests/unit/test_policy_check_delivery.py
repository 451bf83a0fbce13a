"""What `orderfold check` finds in deliveries, contacts and webhooks."""

from __future__ import annotations

import pytest

from engine.policy.check import check
from tests.streams import NOW, edited

Edit = tuple[str, str]
SMS = "  sms: {dry_run: true}"
HOOKS = "webhooks: {}"


def hook(more: str) -> Edit:
    return HOOKS, f"webhooks: {{erp: {{{more}}}}}"


GOOD = "url: https://erp.example.com/hook, secrets: [ERP_HOOK]"

WRONG: list[tuple[Edit, str, str, str]] = [
    ((SMS, "  sms: {dry_run: false}"), "delivery.sms", "has no `url`", "dry_run: true"),
    ((SMS, '  sms: {url: "sms"}'), "delivery.sms.url", "no URL of apprise", "mailtos://"),
    ((SMS, '  sms: {url: "json://x/{phone}"}'), "delivery.sms.url", "a brace stands for nothing", "{to}"),
    ((SMS, '  sms: {provider: wecom, url: "wecombot://k"}'), "delivery.sms.url", "no address of the robot", "whole"),
    ((SMS, '  sms: {url: "json://x/${KEY}", secret: KEY}'), "delivery.sms.secret", "only DingTalk signs", "out"),
    ((SMS, "  webhook: {dry_run: true}\n" + SMS), "delivery.webhook", "that name is taken", "another"),
    (hook("url: erp.example.com, secrets: [ERP_HOOK]"), "webhooks.erp.url", "no address of an endpoint", "https://"),
    (hook(f'{GOOD}, types: ["order.frosen.v1"]'), "webhooks.erp.types[0]", "no decision is a 'order.frosen.v1'", "order.frozen.v1"),
    (hook(f'{GOOD}, types: ["order.placed.v1"]'), "webhooks.erp.types[0]", "no decision is a", "Did you mean"),
    (hook("url: https://erp.example.com/hook, secrets: [A, A]"), "webhooks.erp.secrets", "stands twice", "one"),
    (("risk: {title: Risk control}", "risk: {title: Risk control, contacts: {wecon: r}}"), "groups.risk.contacts.wecon",
     "there is no delivery 'wecon'", "Did you mean 'wecom'?"),
    (("gao.yi: {group: risk,", "gao.yi: {contacts: {sms: '{phone}'}, group: risk,"), "people.gao.yi.contacts.sms",
     "a brace stands for nothing", "${NAME}"),
    (('  link: ""', '  link: "board"'), "sending.link", "no address of a board", "https://"),
    (("  digest: {via: [], text: \"{count} times {kind}", "  digest: {via: [], text: \"{count} times {kinds}"), "notices.digest.text",
     "the variable {kinds} is missing", "kind"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "path", "problem", "remedy"), WRONG, ids=[case[1] + case[2] for case in WRONG]
)
def test_mistakes_are_found_at_their_line_with_a_way_out(
    edit: Edit, path: str, problem: str, remedy: str
) -> None:
    errors = [found for found in check(edited(edit), NOW) if found.severity == "error"]

    (found,) = errors
    assert (found.path, problem in found.problem) == (path, True), found
    assert found.line > 0
    assert remedy in found.remedy


DOUBTFUL: list[tuple[Edit, str, str]] = [
    ((SMS, '  sms: {provider: dingtalk, url: "https://oapi.dingtalk.com/robot/send?access_token=1"}'), "delivery.sms.url",
     "its key can be read here"),
    (hook("url: http://erp.example.com/hook, secrets: [ERP_HOOK]"), "webhooks.erp.url", "can be read on its way"),
    (hook(f"{GOOD}, timeout: 5s"), "webhooks.erp.timeout", "15 to 30 s"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "path", "problem"), DOUBTFUL)
def test_what_is_probably_not_meant_is_a_warning(edit: Edit, path: str, problem: str) -> None:
    found = [one for one in check(edited(edit), NOW) if one.path == path]

    assert [(one.severity, problem in one.problem) for one in found] == [("warning", True)]


@pytest.mark.parametrize(
    "edit",
    [
        hook(f'{GOOD}, types: ["order.*", "sla.breached.v1"], dry_run: false'),
        (SMS, '  sms: {dry_run: false, url: "${SMS_URL}"}'),
        (SMS, '  sms: {dry_run: false, provider: wecom, url: "${WECOM_URL}"}'),
        (SMS, '  sms: {dry_run: false, url: "mailtos://u:${P}@smtp.example.com?to={to}"}'),
    ],
)
def test_what_is_right_is_found_so(edit: Edit) -> None:
    assert [
        found for found in check(edited(edit), NOW) if found.path.startswith(("delivery", "webhooks"))
    ] == []
