"""Which org this is: its id in one form, and whether a business runs in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHORT_ID = 15
"""Characters of an id whose case tells records apart; three more keep it where case is lost."""

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class OrgKind(StrEnum):
    """What kind of org it is; the value stands in the ledger and in sentences."""

    SANDBOX = "sandbox"
    DEVELOPER = "Developer Edition org"
    PRODUCTION = "production org"
    UNREADABLE = "org of unknown kind"

    @property
    def is_production(self) -> bool:
        """Whether a business may run in it; an org that does not say is taken for one."""
        return self in {OrgKind.PRODUCTION, OrgKind.UNREADABLE}


@dataclass(frozen=True, slots=True)
class Organization:
    """One org, as it told of itself.

    Attributes:
        org_id: 18 characters.
        host: of its My Domain.
        name: what its owner calls it, "" if our user may not read it.
        instance: where Salesforce runs it, such as EU45, likewise.
    """

    org_id: str
    host: str
    kind: OrgKind
    name: str = ""
    instance: str = ""

    def __str__(self) -> str:
        return org_text(self.kind, self.org_id, self.host)


def org_text(kind: str, org_id: str, host: str) -> str:
    """Name an org in a sentence; what is not known of it is left out.

    >>> org_text("sandbox", "00D000000000001EAA", "a--b.sandbox.my.salesforce.com")
    'the sandbox 00D000000000001EAA (a--b.sandbox.my.salesforce.com)'
    >>> org_text("", "00D000000000001EAA", "")
    'the org 00D000000000001EAA'
    """
    why = "our user may not read Organization, so it is taken for production"
    known = "; ".join([host] * bool(host) + [why] * (kind == OrgKind.UNREADABLE))
    return f"the {kind or 'org'} {org_id}{f' ({known})' if known else ''}"


def kind_of(*, is_sandbox: bool, edition: str) -> OrgKind:
    """Return the kind of an org by two fields of Organization: IsSandbox and OrganizationType.

    Nobody's business runs in a Developer Edition org: it holds 5 MB.

    >>> kind_of(is_sandbox=False, edition="Enterprise Edition").is_production
    True
    """
    if is_sandbox:
        return OrgKind.SANDBOX
    return OrgKind.DEVELOPER if edition == "Developer Edition" else OrgKind.PRODUCTION


def long_id(record_id: str) -> str:
    """Return an id in its form of 18 characters.

    Each of the last three stands for five characters before: bit k says that character k of them is
    an upper-case letter.

    >>> long_id("0018c00002FInbo"), long_id("0018c00002FInboAAD")
    ('0018c00002FInboAAD', '0018c00002FInboAAD')
    """
    if len(record_id) != SHORT_ID:
        return record_id
    fives = (record_id[start : start + 5] for start in range(0, SHORT_ID, 5))
    bits = (sum(1 << k for k, one in enumerate(five) if one.isupper()) for five in fives)
    return record_id + "".join(_SUFFIX[bit] for bit in bits)
