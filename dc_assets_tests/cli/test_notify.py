"""`dc-assets notify` tells where notifications go, tries it, and shows no secret."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from dc_assets.cli.main import main
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets_tests.delivery.servers import HookServer, MailServer, serving

PASSWORD = "planted-mail-password-3e77"


def notify(folder: Path, *args: str, **settings: str) -> Result:
    """Run the command on a ledger of its own, without settings but those given."""
    clean = {"DC_ASSETS_DATA": str(folder), "DC_ASSETS_LEDGER_URL": "", "DC_ASSETS_SMTP_URL": ""}
    clean |= {"DC_ASSETS_WEBHOOK_URL": "", "DC_ASSETS_TEMPLATES": ""}
    return CliRunner(env={**clean, **settings}).invoke(main, ["notify", *args])


def mail_to(server: MailServer) -> dict[str, str]:
    """Return the settings of a mail channel with a password."""
    return {
        "DC_ASSETS_SMTP_URL": f"smtp://bot:{PASSWORD}@127.0.0.1:{server.port}",
        "DC_ASSETS_MAIL_FROM": "loads@example.com",
        "DC_ASSETS_MAIL_TO": "ops@example.com",
    }


def test_without_a_channel_the_way_to_one_is_told(tmp_path: Path) -> None:
    """Exit code 2: nobody would be told of anything."""
    done = notify(tmp_path)
    assert done.exit_code == 2
    assert "Nobody is told of anything. Set DC_ASSETS_SMTP_URL" in done.output


def kept_of(folder: Path) -> dict[str, tuple[bool, int]]:
    """Return whether each channel ever delivered, and how many notifications wait for it."""
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    outbox = Outbox(database)
    names = ("mail", "webhook", "other")
    found = {name: (outbox.has_delivered(name), outbox.waiting(name)) for name in names}
    database.close()
    return found


def test_a_test_notice_goes_over_every_channel(tmp_path: Path) -> None:
    """One line each says what became of it; what fails does not keep the other."""
    mail, hook = MailServer(), HookServer()
    with serving(mail), serving(hook):
        settings = {**mail_to(mail), "DC_ASSETS_WEBHOOK_URL": hook.url}
        done = notify(tmp_path, "--test", **settings)
        assert done.exit_code == 0, done.output
        assert kept_of(tmp_path) == {"mail": (True, 0), "webhook": (True, 0), "other": (False, 0)}
        assert [one["Subject"] for one in mail.messages] == ["Test notification of dc-assets"]
        assert hook.posts[0].text.startswith(
            "Test notification of dc-assets\nNotifications of loads arrive"
        )
        mail.answers["AUTH"] = f"535 {PASSWORD}"
        failed = notify(tmp_path, "--test", **settings)
    assert failed.exit_code == 2
    assert len(hook.posts) == 2
    assert "refuses the login of DC_ASSETS_SMTP_URL (535)" in failed.output
    for planted in (PASSWORD, "planted-path"):
        assert planted not in done.output + failed.output


def test_what_waits_is_counted_and_nothing_is_sent(tmp_path: Path) -> None:
    """Looking changes nothing."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    Outbox(database).add("failed", "things", "failed:1", {})
    database.close()
    mail = MailServer()
    with serving(mail):
        done = notify(tmp_path, **mail_to(mail))
    assert done.exit_code == 0
    where = f"mail: to ops@example.com through 127.0.0.1:{mail.port}; 1 waiting"
    assert done.output.splitlines() == [where]
    assert mail.messages == []


def test_a_wrong_setting_is_told_and_the_other_channel_is_tried(tmp_path: Path) -> None:
    """The exit code says that something is wrong."""
    hook = HookServer()
    with serving(hook):
        settings = {"DC_ASSETS_SMTP_URL": f"smtp://bot:{PASSWORD}@mail.example.com"}
        done = notify(tmp_path, "--test", DC_ASSETS_WEBHOOK_URL=hook.url, **settings)
    assert done.exit_code == 2
    assert "DC_ASSETS_MAIL_FROM is not set. Mail is off." in done.output
    assert len(hook.posts) == 1
