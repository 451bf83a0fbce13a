"""The stored record, format 1 (DESIGN.md, "Stored bytes").

offset  size  what
0       1     format = 1
1       1     flags: 1 time missing, 2 time inferred, 4 historical
2       8     receivedtime   µs UTC, little-endian as all numbers here
10      8     streamtime
18      8     recordedtime
26      4     streamversion
30      32    policy: SHA-256 of the text in force
62      4     n, then n bytes: the envelope, a msgpack array
…       4     m, then m bytes: `data` exactly as received
…       1     sealing scheme (0 = none)
…       16    key id        (zero under none)
…       12    nonce         (zero under none)
…       4     k, then k bytes: ciphertext of personal fields and `derived`
last    32    hash = SHA-256(hash of the stream's previous record ‖ every byte before)
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any
from zlib import crc32

import msgspec

from engine.errors import StoreError, StoreNewer
from schemas.data import decode_data
from schemas.derived import Derived
from schemas.envelope import Event

FORMAT = 1
GENESIS = bytes(32)
"""What the first record of a stream is chained to."""

_HEAD = struct.Struct("<BBqqqI32sI")
_SIZE = struct.Struct("<I")
_SCHEME_NONE = struct.pack("<B16s12s", 0, bytes(16), bytes(12))
_SEALED_NONE = _SCHEME_NONE + _SIZE.pack(0)
_TIME_MISSING, _TIME_INFERRED, _HISTORICAL = 1, 2, 4

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_derived = msgspec.msgpack.Decoder(Derived).decode


def encode(event: Event, data: bytes, policy: bytes, previous: bytes, recorded: int) -> tuple[bytes, bytes]:
    """A stamped event and its data bytes → (record, hash). `policy` is 32 bytes, `previous` the hash before."""
    flags = _HISTORICAL if event.historical else 0
    if event.timemissing:
        flags |= _TIME_MISSING
    if event.timeinferred:
        flags |= _TIME_INFERRED
    envelope = _pack(
        (
            event.type,
            event.id,
            event.source,
            event.time,
            event.channel,
            event.authtype,
            event.authid,
            _optional(event),
        )
    )
    body = b"".join(
        (
            _HEAD.pack(
                FORMAT,
                flags,
                event.receivedtime,
                event.streamtime,
                recorded,
                event.streamversion,
                policy,
                len(envelope),
            ),
            envelope,
            _SIZE.pack(len(data)),
            data,
            _SEALED_NONE if event.derived is None else _sealed(event.derived),
        )
    )
    digest = sha256(previous + body).digest()
    return body + digest, digest


def _optional(event: Event) -> dict[str, Any] | None:
    """The attributes few events have, those it has; None for none of them. Their order is that of the stored bytes."""
    found: dict[str, Any] = {}
    if event.claimedby:
        found["claimedby"] = event.claimedby
    if event.via:
        found["via"] = event.via
    if event.partitionkey:
        found["partitionkey"] = event.partitionkey
    if event.correlationid:
        found["correlationid"] = event.correlationid
    if event.causationid:
        found["causationid"] = event.causationid
    if event.traceparent:
        found["traceparent"] = event.traceparent
    if event.expectedversion:
        found["expectedversion"] = event.expectedversion
    return found or None


def _sealed(derived: Derived) -> bytes:
    packed = _pack(derived)
    return b"".join((_SCHEME_NONE, _SIZE.pack(len(packed)), packed))


class Record(msgspec.Struct, gc=False):
    """A record taken apart, with the bytes a verifier needs. `data` are the bytes received."""

    event: Event
    data: bytes
    policy: bytes
    recordedtime: int
    hash: bytes


def split_originator(originator_id: str) -> tuple[int, str]:
    """`000000000042/order/x:1` → (42, "order/x:1")."""
    return int(originator_id[:12]), originator_id[13:]


def originator(number: int, subject: str) -> str:
    """Stream number and subject → the store's key; numbers keep inserts near the end of the index."""
    return str(number).zfill(12) + "/" + subject


def stands_alone(subject: str) -> bool:
    """Whether a subject's receipts lie beside its stream: what stage 2 speaks of need have none of its own."""
    return not subject.startswith(("order/", "alias/"))


def companion(number: int, subject: str) -> str:
    """The key of a subject's receipts, of number 0 where they stand alone."""
    return originator(0 if stands_alone(subject) else number, subject + "!")


def partition_of(partitionkey: str, partitions: int) -> int:
    """crc32 of the key mod count: ours, whatever Kafka or its clients would choose."""
    return crc32(partitionkey.encode()) % partitions


def decode(originator_id: str, record: bytes) -> Record:
    """Stored bytes → Record. StoreError names the stream when the bytes are not a record."""
    if record[:1] != b"\x01":
        raise StoreNewer(
            f"The record {originator_id} has format {record[0] if record else 'none'}; this release reads {FORMAT}.",
            "Use the release that wrote the store.",
        )
    try:
        _, flags, received, stream, recorded, version, policy, size = _HEAD.unpack_from(record)
        at = _HEAD.size
        envelope = _unpack(record[at : at + size])
        at += size
        (size,) = _SIZE.unpack_from(record, at)
        at += 4
        data = record[at : at + size]
        if len(data) != size or len(record) < at + size + len(_SEALED_NONE) + 32:
            raise ValueError("it is cut short")
        at += size + len(_SCHEME_NONE)
        (size,) = _SIZE.unpack_from(record, at)
        derived = _derived(record[at + 4 : at + 4 + size]) if size else None
        type_, id_, source, time, channel, authtype, authid, optional = envelope
    except (struct.error, msgspec.DecodeError, ValueError, TypeError) as error:
        raise StoreError(
            f"The record {originator_id} cannot be read: {error}.", "Restore the store from a backup."
        ) from error
    number, subject = split_originator(originator_id)
    event = Event(
        type_,
        subject,
        id_,
        source,
        time,
        decode_data(type_, data),
        channel,
        received,
        stream,
        version,
        number,
        timemissing=bool(flags & _TIME_MISSING),
        timeinferred=bool(flags & _TIME_INFERRED),
        historical=bool(flags & _HISTORICAL),
        authtype=authtype,
        authid=authid,
        derived=derived,
        **(optional or {}),
    )
    return Record(event, data, policy, recorded, record[-32:])


def chained(previous: bytes, record: bytes) -> bool:
    """Whether the record's hash is that of its bytes chained to `previous`."""
    return sha256(previous + record[:-32]).digest() == record[-32:]
