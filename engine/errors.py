"""Every error a user can meet.

OrderfoldError                 exit 1   500
├── UsageError                 exit 2   400   what was asked makes no sense
│   └── Invalid                exit 2   422   it was understood, and does not fit its schema
├── NotFound                   exit 4   404
├── Refused                    exit 5   409   policy or the state of things forbids it
│   ├── Forbidden              exit 5   403   the actor may not
│   └── IllegalTransition      exit 5   409   the order takes no such step as it stands
├── Stale                      exit 6   412   somebody else was first
├── Busy                       exit 6   503   another process holds the store
│   └── Overloaded             exit 6   503   more waits to be written than may
├── Unreadable                 exit 1   400   a file cannot be read, or not to its end
├── VerificationFailed         exit 7   500   what is recorded does not follow from the log
└── StoreError                 exit 1   503   the store cannot be used
    ├── StoreFull              exit 1   503   no room left, or not writable
    ├── StoreNewer             exit 1   503   written by a later release
    └── ViewsAhead             exit 1   503   views folded from another log than this one
"""

from __future__ import annotations

from typing import ClassVar


class OrderfoldError(Exception):
    """`title` says what kind of thing happened, `detail` where and what, `remedy` the way out. `exit_code` is the
    command line's, `status` the HTTP one, `slug` ends the problem type `urn:orderfold:problem:…` (RFC 9457), `members` are that
    problem's extension members."""

    title: ClassVar[str] = "Something went wrong"
    slug: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, detail: str, remedy: str = "", **members: object) -> None:
        super().__init__(f"{detail} {remedy}".strip())
        self.detail = detail
        self.remedy = remedy
        self.members = members


class UsageError(OrderfoldError):
    title = "That cannot be done"
    slug = "usage"
    exit_code = 2
    status = 400


class Invalid(UsageError):
    title = "It does not fit"
    slug = "invalid"
    status = 422


class NotFound(OrderfoldError):
    title = "Not found"
    slug = "not-found"
    exit_code = 4
    status = 404


class Refused(OrderfoldError):
    title = "Refused"
    slug = "refused"
    exit_code = 5
    status = 409


class Forbidden(Refused):
    title = "Not allowed"
    slug = "forbidden"
    status = 403


class IllegalTransition(Refused):
    title = "The order takes no such step as it stands"
    slug = "illegal-transition"


class Stale(OrderfoldError):
    title = "Somebody else was first"
    slug = "stale"
    exit_code = 6
    status = 412


class Busy(OrderfoldError):
    title = "The store is in use"
    slug = "busy"
    exit_code = 6
    status = 503


class Overloaded(Busy):
    title = "Too much is waiting to be written"
    slug = "overloaded"


class Unreadable(OrderfoldError):
    title = "The input cannot be read"
    slug = "unreadable"
    status = 400


class VerificationFailed(OrderfoldError):
    title = "Verification found a difference"
    slug = "verification-failed"
    exit_code = 7


class StoreError(OrderfoldError):
    title = "The store cannot be used"
    slug = "store"
    status = 503


class StoreFull(StoreError):
    title = "The store cannot be written"
    slug = "store-full"


class StoreNewer(StoreError):
    title = "The store is newer than this release"
    slug = "store-newer"


class ViewsAhead(StoreError):
    title = "The views do not belong to this log"
    slug = "views-ahead"
