"""One pass over the outbox: each channel by itself, and nothing blocks for ever."""

from __future__ import annotations

import itertools
from pathlib import Path

from dc_assets.delivery.deliver import PASS_S_MAX, Passed, deliver
from dc_assets.delivery.mail import Mail
from dc_assets.delivery.settings import settings_from
from dc_assets.delivery.templates import Templates
from dc_assets.delivery.webhook import Webhook
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.notifications import deliver_all
from dc_assets_tests.delivery.examples import EXAMPLES
from dc_assets_tests.delivery.servers import HookServer, MailServer, serving
from dc_assets_tests.fakes.ledgers import OpenLedger


def outbox_with(ledger: OpenLedger, *keys: str) -> Outbox:
    """Return an outbox with one notification of a failed run for each key, in order."""
    outbox = Outbox(ledger.database)
    for key in keys:
        assert outbox.add("failed", "things", key, {**EXAMPLES["failed"], "partition": key})
    return outbox


def mail_pass(outbox: Outbox, server: MailServer) -> Passed:
    """Do one pass over the mail channel."""
    mail = Mail("127.0.0.1", server.port, "none", "a@b.cd", ("a@b.cd",))
    return deliver(outbox, mail, Templates(), lambda: 0.0)


def subjects(server: MailServer) -> list[str]:
    """Return what arrived."""
    return [str(message["Subject"]) for message in server.messages]


def test_a_server_that_was_down_gets_everything_when_it_is_up(ledger: OpenLedger) -> None:
    """In the order of the events, and once."""
    outbox = outbox_with(ledger, "one", "two")
    down = MailServer()
    down.server_close()
    passed = mail_pass(outbox, down)
    assert (passed.sent, passed.waiting) == (0, 2)
    assert passed.sentence.startswith("mail: 0 sent, 2 wait: the mail server 127.0.0.1:")
    server = MailServer()
    with serving(server):
        assert mail_pass(outbox, server) == Passed("mail", 2, 0, "")
        assert mail_pass(outbox, server) == Passed("mail", 0, 0, "")
    assert subjects(server) == ["things failed in one", "things failed in two"]


def test_a_channel_that_fails_does_not_keep_the_other(
    ledger: OpenLedger, hook_server: HookServer, tmp_path: Path
) -> None:
    """And the sentence says how many wait where, and why, without a secret."""
    outbox_with(ledger, "one")
    down = MailServer()
    down.server_close()
    settings = settings_from(
        {
            "DC_ASSETS_SMTP_URL": f"smtp://bot:planted@127.0.0.1:{down.port}",
            "DC_ASSETS_MAIL_FROM": "a@b.cd",
            "DC_ASSETS_MAIL_TO": "a@b.cd",
            "DC_ASSETS_WEBHOOK_URL": hook_server.url,
            "DC_ASSETS_TEMPLATES": str(tmp_path / "nothing"),
        }
    )
    mail, hook, complaint = deliver_all(ledger.database, settings)
    assert mail.startswith(f"mail: 0 sent, 1 waits: the mail server 127.0.0.1:{down.port} cannot")
    assert hook == "webhook: 1 sent, 0 wait."
    assert "DC_ASSETS_TEMPLATES is not a folder" in complaint
    assert "planted" not in f"{mail} {hook} {complaint}"
    assert len(hook_server.posts) == 1


def test_a_refused_notice_blocks_no_younger_one(
    ledger: OpenLedger, hook_server: HookServer, mail_server: MailServer
) -> None:
    """It waits, and is not tried at every tick."""
    outbox = outbox_with(ledger, "one", "two")
    mail_server.answers["."] = "554 spam"
    passed = mail_pass(outbox, mail_server)
    assert (passed.sent, passed.waiting) == (0, 2)
    mail_server.answers.clear()
    outbox_with(ledger, "three")
    assert mail_pass(outbox, mail_server) == Passed("mail", 1, 2, "")
    assert subjects(mail_server) == ["things failed in three"]
    hook = Webhook(hook_server.url)
    assert deliver(outbox, hook, Templates(), lambda: 0.0) == Passed("webhook", 3, 0, "")


def test_a_pass_ends_before_dagster_ends_the_tick(
    ledger: OpenLedger, mail_server: MailServer
) -> None:
    """What it has not sent by then is sent by the next one."""
    outbox = outbox_with(ledger, "one", "two", "three")
    ticks = itertools.count(step=PASS_S_MAX)
    mail = Mail("127.0.0.1", mail_server.port, "none", "a@b.cd", ("a@b.cd",))
    assert deliver(outbox, mail, Templates(), lambda: next(ticks)) == Passed("mail", 1, 2, "")
    assert mail_pass(outbox, mail_server) == Passed("mail", 2, 0, "")


def test_without_a_channel_the_way_to_one_is_told(ledger: OpenLedger) -> None:
    """Notifications are kept meanwhile."""
    outbox = outbox_with(ledger, "one")
    [said] = deliver_all(ledger.database, settings_from({}))
    assert "DC_ASSETS_SMTP_URL" in said
    assert "DC_ASSETS_WEBHOOK_URL" in said
    assert outbox.waiting("mail") == 1
