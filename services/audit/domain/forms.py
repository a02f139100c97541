"""The forms of what an entry is indexed by, as regular expressions that Python and pydantic's compiled code read alike.

What does not have its form is not indexed; the leaf holds it all the same.
"""

from __future__ import annotations

from typing import Final

from shared.refs import ALPHABET, LENGTH

CASE: Final = rf"^cas_[{ALPHABET}]{{{LENGTH}}}$"
CONSENT: Final = rf"^cst_[{ALPHABET}]{{{LENGTH}}}$"
MEETING: Final = rf"^mtg_[{ALPHABET}]{{{LENGTH}}}$"
ACTOR: Final = r"^[a-z]{3}_[0-9A-Za-z_-]{8,64}$"
SUBJECT: Final = r"^[A-Za-z0-9._/:-]{1,120}$"
ORGANISATION: Final = r"^[0-9]{9}$"
UNIT: Final = r"^unit:[a-z0-9-]{1,60}$"
CODE: Final = r"^[a-z0-9-]{2,60}$"
