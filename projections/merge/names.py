"""How two names go together: equal, sounding alike, one part of the other, or two people's."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import distance

from projections.merge.card import Card

# What two names are to each other, and the points each is worth is for `compare` to say.
UNKNOWN = "unknown"
EQUAL = "equal"
SOUNDS = "sounds alike"
SWAPPED = "given name turned round"
SHORT = "a character left out"
NEAR = "nearly equal"
SPELT = "spelt in letters"
MASKED = "fits the mask"
COVERED = "same surname, the rest masked"
SURNAME = "same surname"
NICK = "may be the nickname"
APART = "not alike"
OTHER = "another name"


def relation(a: Card, b: Card) -> str:
    """Which of the relations above holds. OTHER only for two names that cannot be one person's."""
    one, two = a.name_kind, b.name_kind
    if not one or not two:
        return UNKNOWN
    if one == "full" and two == "full":
        return _full(a, b)
    if one in ("latin", "single") and two in ("latin", "single"):
        return _latin(a, b)
    if one == "masked":
        return _masked(a, b)
    if two == "masked":
        return _masked(b, a)
    if one in ("latin", "single"):
        return _spelt(a, b)
    if two in ("latin", "single"):
        return _spelt(b, a)
    if one == "surname":
        return _surname(a, b)
    if two == "surname":
        return _surname(b, a)
    if one == "nick" and two == "nick":
        shared = a.name in b.name or b.name in a.name or a.sound == b.sound
        return NICK if shared else APART
    return _nick(a, b) if one == "nick" else _nick(b, a)


def _full(a: Card, b: Card) -> str:
    """Two whole Chinese names."""
    x, y = a.name, b.name
    if x == y:
        return EQUAL
    if a.sound == b.sound:
        return SOUNDS
    if len(x) == len(y):
        if a.surname == b.surname and sorted(a.sound.split()) == sorted(b.sound.split()):
            return SWAPPED
        if distance.OSA.distance(a.sound, b.sound) == 1 and _near(a.sound, b.sound):
            return NEAR
        return OTHER
    short, long = (a, b) if len(x) < len(y) else (b, a)
    if len(long.name) - len(short.name) > 1:
        return OTHER
    if _within(short.name, long.name):
        return SHORT
    return NEAR if _within(short.sound.split(), long.sound.split()) else OTHER


_ALIKE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"), ("h", "f"), ("r", "l"))


def _near(x: str, y: str) -> bool:
    """Whether two readings differ by what dialects do not tell apart: lin and ling, zhang and zang."""
    for first, second in _ALIKE:
        x, y = x.replace(first, second), y.replace(first, second)
    return x == y


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether `short` is `long` with one left out."""
    return any([*long[:i], *long[i + 1 :]] == [*short] for i in range(len(long)))


def _masked(mask: Card, other: Card) -> str:
    """张*伟 against 张大伟: every character shown must be there, in its place or by its sound."""
    shown = mask.name
    if other.name_kind == "masked":
        theirs = other.name
        first = shown[0] == theirs[0] or "*" in (shown[0], theirs[0])
        last = shown[-1] == theirs[-1] or "*" in (shown[-1], theirs[-1])
        if not (first and last):
            return OTHER
        return COVERED if "*" in (shown[-1], theirs[-1]) else MASKED
    if other.name_kind == "surname":
        return SURNAME if shown[0] in ("*", other.name[0]) else OTHER
    if other.name_kind == "nick":
        return NICK if shown[-1] == other.name[-1] or other.name in shown else APART
    if other.name_kind in ("latin", "single"):
        sounds = mask.sound.split()
        words = other.name.replace(" ", "")
        heard = [s for s in sounds if s != "*"]
        return MASKED if heard and all(sound in words for sound in heard) else APART
    if not _fits(shown, mask.sound, other):
        return OTHER
    return COVERED if shown[-1] == "*" else MASKED


def _fits(shown: str, sound: str, full: Card) -> bool:
    head, _, tail = shown.partition("*")
    tail = tail.rpartition("*")[2]
    name = full.name
    if len(head) + len(tail) >= len(name) + (0 if not tail else 1):
        return False
    if name.startswith(head) and name.endswith(tail):
        return True
    shown_sounds, sounds = sound.split(), full.sound.split()
    ahead = len(head)
    behind = len(tail)
    return sounds[:ahead] == shown_sounds[:ahead] and (
        not behind or sounds[-behind:] == shown_sounds[-behind:]
    )


def _spelt(latin: Card, han: Card) -> str:
    """Wang Fang against 王芳."""
    if han.name_kind == "surname":
        return SURNAME if han.sound.replace(" ", "") in latin.name.split() else APART
    words = latin.name.split()
    joined = "".join(words)
    turned = "".join(reversed(words))
    spoken = han.sound.replace(" ", "").replace("lv", "lu").replace("nv", "nu")
    written = (joined.replace("lv", "lu").replace("nv", "nu"), turned.replace("lv", "lu").replace("nv", "nu"))
    if spoken in written:
        return SPELT
    if han.name_kind == "nick":
        return NICK if spoken in joined else APART
    if min(distance.OSA.distance(spoken, way) for way in written) <= 1 or joined.startswith(spoken):
        return NEAR
    syllables = han.sound.split()
    if len(syllables) > 2 and any(
        "".join(syllables[:i] + syllables[i + 1 :]) in written for i in range(len(syllables))
    ):
        return NEAR
    given = "".join(syllables[1:])
    if (given and given in words) or syllables[0] in words:
        return APART
    return OTHER


def _surname(title: Card, other: Card) -> str:
    """袁女士 against 袁卿."""
    mine = title.sound
    if other.name_kind == "surname":
        return SURNAME if other.sound == mine else OTHER
    if other.name_kind == "nick":
        return NICK if title.name in other.name else APART
    if other.sound.startswith(mine + " ") or other.name[: len(title.name)] == title.name:
        return SURNAME
    return OTHER


def _nick(nick: Card, other: Card) -> str:
    """阿勇 against 高勇: a nickname can be anything, so it never speaks against."""
    if nick.name in other.name:
        return NICK
    sounds, theirs = nick.sound.split(), other.sound.split()
    return NICK if sounds and all(sound in theirs for sound in sounds) else APART


def _latin(a: Card, b: Card) -> str:
    """Two names in letters, in whichever order their words stand."""
    ours, theirs = sorted(a.name.split()), sorted(b.name.split())
    if ours == theirs or "".join(ours) == "".join(theirs):
        return EQUAL
    if distance.OSA.distance("".join(ours), "".join(theirs)) <= 1:
        return NEAR
    return APART if set(ours) & set(theirs) or a.name_kind != b.name_kind else OTHER
