"""How a name is looked for: spellings folded together, cut into tokens, and each token into the beginnings it is found by.

Nothing here is a secret or makes one: `shared.vault` hashes what comes out of it under a key.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SHORTEST: Final = 3
"""Letters of the shortest beginning that finds a longer token: shorter ones would find half of everybody."""
LONGEST: Final = 14
"""Letters after which a token is cut: longer beginnings tell nothing more apart."""
MOST_TOKENS: Final = 12

_LETTERS: Final = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "ð": "d", "þ": "th", "ß": "ss"})
_BREAKS: Final = re.compile(r"[^a-z0-9]+")


def tokens(name: str) -> tuple[str, ...]:
    """Return the tokens of `name`, each once and in order: small letters a to z and digits.

    Norwegian letters are written out (Åse and Aase are one, and neither is Ase), other signs fall away (é is e), and hyphens
    and apostrophes part tokens. A name in another script than the Latin one gives what is left of it, which may be nothing.
    """
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LETTERS)
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))
    found = [part[:LONGEST] for part in _BREAKS.split(plain) if part]
    return tuple(dict.fromkeys(found))[:MOST_TOKENS]


def beginnings(name: str) -> tuple[str, ...]:
    """Return everything that `name` is found by: each token, and its beginnings from three letters on."""
    found = [token[:length] for token in tokens(name) for length in range(min(SHORTEST, len(token)), len(token) + 1)]
    return tuple(dict.fromkeys(found))
