"""The fast way to read a record: as the services write it, attribute after attribute, and nothing else.

Reading is most of what an entry costs. `shared.envelope.seal` writes every event's attributes in one order and without spaces, so
one regular expression reads them, and a second one the data of an access record. What these refuse is not wrong: it is read the
general way (`shared.envelope.read`), which alone says what an event is. What they accept, that accepts too, and both find the
same in it; a property test holds them together. The forms are `Envelope`'s own, or narrower.

Both expressions read a record's bytes as Latin-1, in which every byte is one character; what they take is ASCII.
"""

from __future__ import annotations

import re
from typing import Final

from services.audit.domain import forms
from shared.contracts.journal import LANE_LENGTH, LANE_NAME
from shared.refs import ALPHABET, LENGTH

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MOMENT: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?Z"
_PLAIN: Final = r"[\x20\x21\x23-\x5b\x5d-\x7e]*"
"""A JSON string's inside in which every character stands for itself."""
_WORD: Final = "[a-z0-9-]*"


def _inner(form: str) -> str:
    """Return a form of `forms` without its ends."""
    return form.removeprefix("^").removesuffix("$")


_ACTOR, _SUBJECT, _CODE = _inner(forms.ACTOR), _inner(forms.SUBJECT), _inner(forms.CODE)


def _list(item: str) -> str:
    return rf"\[(?:{item}(?:,{item})*)?\]"


_CATEGORIES, _DOCUMENTS = _list(f'"{_WORD}"'), _list(f'"{_ACTOR}"')
_MORE: Final = rf'(?:,"(?!(?:kind|actor|case|basis|consent|meeting|permitted)")[a-z_]+":(?:true|false|"{_PLAIN}"))*'
"""Members by which no entry is found: the contract grows at its end."""
_RECIPIENTS: Final = _list(rf'\{{"service":"{_WORD}"(?:,"role":"{_WORD}")?(?:,"organisation":"[0-9]{{9}}")?\}}')

HEAD: Final = re.compile(
    rf'\{{"specversion":"1[.]0","id":"(?P<id>{_UUID})","source":"(?P<source>/services/[a-z][a-z0-9-]{{1,30}})"'
    rf',"type":"(?P<type>no[.]lagspill(?:[.][a-z][a-z0-9-]*)+[.]v[0-9]+)","subject":"(?P<subject>{_SUBJECT})"'
    rf',"time":"(?P<time>{_MOMENT})","recordedtime":"(?P<recorded>{_MOMENT})","partitionkey":"(?P<key>{_SUBJECT})"'
    rf'(?:,"sequence":"(?P<sequence>[0-9]{{20}})")?,"correlationid":"{_UUID}"(?:,"causationid":"{_UUID}")?'
    rf',"municipality":"(?P<municipality>[0-9]{{4}}|prt_[{ALPHABET}]{{{LENGTH}}})"'
    rf',"authtype":"(?:user|service_account|unknown|system)"(?:,"authid":"(?P<authid>{_ACTOR})")?'
    r',"dataclassification":"restricted","dataregulation":"GDPR","datacategory":"(?:personal|none)"'
    rf',"datacontenttype":"application/json","dataschema":"{_PLAIN}"'
    r'(?:,"traceparent":"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")?,"data":'
)
"""A record up to its data."""
NUMBER: Final = b',"sourcesequence":"'
"""What stands behind the data, with 20 digits and `END`."""
END: Final = b'"}'
DIGITS: Final = len(END) + 20
TAIL: Final = len(NUMBER) + DIGITS
"""How long that is from the digits on, and all together."""
LANE_BEGIN: Final = ',"lane":"'
LANE_END: Final = '"'
LANE: Final = re.compile(rf"{LANE_BEGIN}({LANE_NAME}/[1-9][0-9]{{0,18}}){LANE_END}")
"""What the database writes in between the data and `NUMBER`, where it does."""
LANE_LONGEST: Final = len(LANE_BEGIN) + LANE_LENGTH + 20 + len(LANE_END)

ACCESS: Final = re.compile(
    rf'\{{"subject_ref":"{_ACTOR}","kind":"(?P<kind>{_CODE})","actor":\{{"id":"(?P<actor>{_ACTOR})"'
    rf'(?:,"role":"{_WORD}")?(?:,"service":"{_WORD}")?(?:,"unit":"(?P<unit>{_inner(forms.UNIT)})")?'
    rf'(?:,"organisation":"(?P<organisation>{_inner(forms.ORGANISATION)})")?(?:,"client":"{_PLAIN}")?'
    rf'(?:,"on_behalf_of":"{_ACTOR}")?\}}(?:,"case":"(?P<case>{_inner(forms.CASE)})")?'
    rf',"categories":{_CATEGORIES},"documents":{_DOCUMENTS}(?:,"purpose":"{_WORD}")?'
    rf'(?:,"basis":\{{"code":"(?P<basis>{_CODE})","version":"{_PLAIN}"\}})?(?:,"consent":"(?P<consent>{_inner(forms.CONSENT)})")?'
    rf'(?:,"consent_version":(?:0|[1-9][0-9]{{0,8}}))?(?:,"meeting":"(?P<meeting>{_inner(forms.MEETING)})")?'
    rf'(?:,"item":"{_ACTOR}")?,"recipients":{_RECIPIENTS},"permitted":(?P<permitted>true|false){_MORE}\}}'
)
"""The data of an access record, whatever simple members it has got since at its end."""
