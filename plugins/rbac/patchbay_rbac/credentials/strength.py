"""Which passwords may be chosen: 12 to 256 characters, and none that a list of leaked ones would begin with.

Of the passwords that leak most, few have 12 characters, and those that do are made in a few ways: a well-known word
with a year behind it, a walk over the keyboard, a thing said twice. So instead of a list there is a rule: whatever is
well-known is struck out, and what remains has to be worth something by itself. No IO.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from patchbay.errors import FieldError, Invalid

SHORTEST: Final = 12  # characters, after NFKC; section 7, "Password"
LONGEST: Final = 256
PRODUCT: Final = "patchbay"
FEWEST_LEFT: Final = 6  # characters that must remain when the well-known is struck out,
FEWEST_KINDS: Final = 4  # and how many different ones among them
SHORTEST_RUN: Final = 3
SHORTEST_NAME: Final = 4  # letters; shorter names occur in too many good passwords
DIGITS_NEEDED: Final = 18  # of a password that is a number

# Lines that fingers and minds walk along; both directions count.
_LINES: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "qwertzuiop",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+",
)
_BOTH_WAYS: Final = tuple(line for one in _LINES for line in (one, one[::-1]))

# Words that stand at the top of every published list, and phrases that are famous for being good passwords.
_LISTED: Final = """
abc access account admin administrator alexander amanda andrea andrew angel anthony apple arsenal ashley august austin
autumn azerty bailey banana barcelona baseball basketball batman battery beautiful bigdog blink182 bonjour buster
butterfly change changeme charlie cheese chelsea chicken chocolate chris christian claire company computer contrasena
contraseña cookie correct corvette cowboy dallas daniel december default diamond dolphin donald dragon eagle elephant
email england family february ferrari flower football forever france freedom friday friend friends fuck george ginger
google guest hallo hannah hardcore harley heather hello hockey horse hunter iceman iloveyou india instagram internet
jackson january jasmine jennifer jessica jesus jordan joshua july june justin kennwort killer kitty letmein liverpool
login london love lovely loveme maggie manager march marina martin master matrix matthew maverick mercedes merlin
messenger michael michelle monday monkey morgan motdepasse mother mustang myspace naruto nicole ninja november october
office online orange pass passe passphrase password passwort pepper phoenix please pokemon princess private public
purple qwerty rabbit rainbow ranger root saturday scooter secret secure security senha september service shadow silver
simple slipknot snoopy soccer sophie spiderman spring staple starwars steelers summer sunday sunflower sunshine super
superman support sysadmin system taylor test thomas thunder thursday tigger trustno1 tuesday user username victoria
wednesday welcome whatever whatsapp william willkommen winter wizard wordpress yankees yellow zaq12wsx
"""
_WORDS: Final = frozenset(_LISTED.split())
_PHRASES: Final = frozenset({"correcthorsebatterystaple", "tobeornottobe", "thequickbrownfox", "maytheforcebewithyou"})
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}", re.ASCII)
_NUMBER: Final = re.compile(r"[\d\s.,:/+()-]+")  # a date, a telephone number
_SAME: Final = re.compile(r"(.)\1{2,}", re.DOTALL)
_LOOKS_LIKE: Final = str.maketrans("0134578@$!€", "oieastbasie")
_LOOKS_ELSE: Final = str.maketrans("0134578@$!€", "oleastbasle")


def check(password: str, *, about: Iterable[str] = (), pointer: str = "/password") -> None:
    """Raises ``Invalid``, naming the field, unless the password may be chosen.

    ``about`` is what is known of its owner (login, mail address, name): it may not be in the password.
    """
    found = fault(password, about)
    if found is not None:
        code, message = found
        raise Invalid("The password cannot be used.", errors=[FieldError(pointer, code, message)])


def fault(password: str, about: Iterable[str] = ()) -> tuple[str, str] | None:
    """What is wrong with the password, as a code and a sentence; None when nothing is."""
    size = len(password) if len(password) > LONGEST * 4 else len(unicodedata.normalize("NFKC", password))
    if size < SHORTEST:
        return "password_too_short", f"Use {SHORTEST} characters or more; this has {size}."
    if size > LONGEST:
        return "password_too_long", f"Use {LONGEST} characters or fewer; this has {size}."
    if any(unicodedata.category(one) == "Cs" for one in password):
        return "password_unreadable", "One of its characters is half a character; type it anew."
    text = unicodedata.normalize("NFKC", password).casefold()
    if any(name in spelling for name in (PRODUCT, *_names(about)) for spelling in _spellings(text)):
        return "password_about_you", "Leave your name, your address and the name of this product out of it."
    if _is_well_known(text):
        return "password_common", "It would be among the first to be guessed; add two or three unrelated words."
    return None


def _is_well_known(text: str) -> bool:
    if _NUMBER.fullmatch(text) is not None and sum(map(str.isdecimal, text)) < DIGITS_NEEDED:
        return True
    period = _period(text)
    if period * 2 <= len(text) and period < SHORTEST:
        return True
    struck = set[int]()
    for start, end in _well_known_parts(text):
        struck.update(range(start, end))
    left = [one for at, one in enumerate(text) if at not in struck and not one.isspace()]
    return len(left) < FEWEST_LEFT or len(set(left)) < FEWEST_KINDS


def _well_known_parts(text: str) -> Iterator[tuple[int, int]]:
    for found in (*_YEAR.finditer(text), *_SAME.finditer(text)):
        yield found.span()
    yield from _runs(text)
    spellings = _spellings(text)
    for word in _WORDS | _PHRASES:
        for spelling in spellings:
            at = spelling.find(word)
            while at >= 0:
                yield at, at + len(word)
                at = spelling.find(word, at + 1)


def _runs(text: str) -> Iterator[tuple[int, int]]:
    for start in range(len(text) - SHORTEST_RUN + 1):
        if any(text[start : start + SHORTEST_RUN] in line for line in _BOTH_WAYS):
            yield start, start + SHORTEST_RUN


def _spellings(text: str) -> Sequence[str]:
    """The text, and how it reads with digits and signs taken for letters; all of one length."""
    return tuple(dict.fromkeys((text, text.translate(_LOOKS_LIKE), text.translate(_LOOKS_ELSE))))


def _names(about: Iterable[str]) -> Iterator[str]:
    for known in about:
        whole = unicodedata.normalize("NFKC", known).casefold().strip()
        local = whole.partition("@")[0]
        for name in (whole, local, re.sub(r"\W", "", local), *re.split(r"[\W_]+", local)):
            if len(name) >= SHORTEST_NAME:
                yield name


def _period(text: str) -> int:
    """The length of the shortest beginning that, said again and again, gives the text (its last time may be cut)."""
    borders = [0] * len(text)
    for at in range(1, len(text)):
        border = borders[at - 1]
        while border and text[at] != text[border]:
            border = borders[border - 1]
        borders[at] = border + (text[at] == text[border])
    return len(text) - borders[-1]
