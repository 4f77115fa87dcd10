"""A program called sf that answers as the Salesforce CLI did, and notes what it was asked.

Shapes: recorded from @salesforce/cli 2.150.6, and for the old form from 2.130.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

HIDDEN = "[REDACTED] Use 'sf org auth show-access-token' to view"
SCRIPT = """#!/bin/sh
folder='{folder}'
echo "$*" >> "$folder/calls"
name=display
if [ "$2" = auth ]; then
  name=token
  nth=$(grep -c ' auth ' "$folder/calls")
  [ -f "$folder/token-$nth.json" ] && name=token-$nth
fi
cat "$folder/$name.json"
exit "$(cat "$folder/$name.code")"
"""


class FakeSf:
    """The program, and what it shall answer.

    Attributes:
        path: a PATH on which it comes first.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        program = folder / "sf"
        program.write_text(SCRIPT.format(folder=folder), encoding="utf-8")
        program.chmod(0o755)
        self.path = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def knows(self, url: str, token: str, *, shows_token: bool = False, first: str = "") -> None:
        """Be signed in at an org with a session; an old version shows it in ``org display``.

        ``first`` is the session that it hands out the first time it is ever asked.
        """
        shown = {
            "id": "00D000000000001AAA",
            "apiVersion": "66.0",
            "accessToken": token if shows_token else HIDDEN,
            "instanceUrl": f"{url}/",
            "username": "integration@emulator.invalid",
            "connectedStatus": "Connected",
            "alias": "emu",
        }
        self._answer("display", {"status": 0, "result": shown, "warnings": ["hidden"]})
        if first:
            self._answer("token-1", {"status": 0, "result": {"accessToken": first}})
        if shows_token:
            self._fail("token", "CommandNotFound", "org auth show-access-token is not a sf command")
        else:
            self._answer("token", {"status": 0, "result": {"accessToken": token}, "warnings": []})

    def knows_nobody(self) -> None:
        """Be signed in nowhere."""
        said = "Parsing --target-org \n\tNo authorization information found for emu.\nSee more help"
        for name in ("display", "token"):
            self._fail(name, "NamedOrgNotFoundError", said)

    def says(self, text: str) -> None:
        """Print something that is no JSON."""
        for name in ("display", "token"):
            self._write(name, text, 0)

    @property
    def calls(self) -> Sequence[str]:
        """What it was asked, in order."""
        return (self._folder / "calls").read_text(encoding="utf-8").splitlines()

    def _fail(self, name: str, error: str, message: str) -> None:
        self._answer(name, {"name": error, "message": message, "status": 2, "warnings": []}, 2)

    def _answer(self, name: str, body: object, code: int = 0) -> None:
        self._write(name, json.dumps(body, indent=2), code)

    def _write(self, name: str, text: str, code: int) -> None:
        (self._folder / f"{name}.json").write_text(text, encoding="utf-8")
        (self._folder / f"{name}.code").write_text(str(code), encoding="utf-8")
