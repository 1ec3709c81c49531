"""What a sentence states and what a question asks for: whose, which property, what value, when. By patterns alone, pure.

"the accountant's number is +41 44 …", "die Nummer von Ada lautet …", "le numéro de Ada est …" → (accountant, phone, …).
What is not clearly of this build is no statement: a sentence that is missed stays findable as a passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from knowledge.facts.past import PHRASE, stretch
from knowledge.facts.words import SENTENCE_END, key

ME = "me"
"""The subject of "my …": the principal."""

_SAME = {
    "phone": "number|phone|phone number|telephone|telephone number|mobile|mobile number|cell|cell number|tel|nummer|"
    "telefonnummer|handynummer|telefon|handy|numéro|numéro de téléphone|téléphone|número|número de teléfono|teléfono|"
    "numero|numero di telefono|telefono",
    "email": "email|e-mail|email address|e-mail address|mail address|mailadresse|e-mail-adresse|adresse e-mail|courriel|"
    "correo|correo electrónico|indirizzo email",
    "address": "address|home address|adresse|anschrift|dirección|indirizzo",
    "account": "account|account number|bank account|iban|bank details|konto|kontonummer|bankverbindung|compte|"
    "compte bancaire|cuenta|cuenta bancaria|conto|conto bancario",
    "birthday": "birthday|date of birth|geburtstag|anniversaire|cumpleaños|compleanno",
    "code": "code|pin|pin code|türcode|codice|código",
    "password": "password|passwort|mot de passe|contraseña",
    "deadline": "deadline|due date|frist|abgabetermin|échéance|fecha límite|scadenza",
    "price": "price|preis|prix|precio|prezzo",
    "rate": "rate|hourly rate|day rate|fee|stundensatz|tagessatz|honorar|tarif|tarifa|tariffa",
    "rent": "rent|miete|loyer|alquiler|affitto",
    "salary": "salary|gehalt|lohn|salaire|sueldo|stipendio",
    "hours": "opening hours|office hours|hours|öffnungszeiten|horaires|horario|orari",
    "office": "office|büro|bureau|oficina|ufficio",
    "website": "website|site|url|homepage|webseite|site web|sitio web|sito",
    "employer": "employer|company|arbeitgeber|firma|employeur|empleador|datore di lavoro",
    "role": "role|job|job title|position|title|rolle|funktion|poste|cargo|ruolo",
    "wife": "wife|frau|ehefrau|femme|mujer|esposa|moglie",
    "husband": "husband|mann|ehemann|mari|marido|marito",
    "manager": "manager|boss|chef|chefin|jefe|capo",
    "lawyer": "lawyer|attorney|anwalt|anwältin|avocat|avocate|abogado|abogada|avvocato",
    "accountant": "accountant|tax adviser|steuerberater|steuerberaterin|comptable|contable|commercialista",
    "doctor": "doctor|gp|arzt|ärztin|hausarzt|médecin|médico|medico",
    "dentist": "dentist|zahnarzt|zahnärztin|dentiste|dentista",
    "assistant": "assistant|assistentin|assistente",
    "contact": "contact|contact person|ansprechpartner|ansprechpartnerin|contacto|contatto",
    "landlord": "landlord|vermieter|vermieterin|propriétaire|casero|padrone di casa",
    "supplier": "supplier|lieferant|fournisseur|proveedor|fornitore",
    "plan": "plan|tariff",
    "vat number": "vat number|vat id|ust-id|mehrwertsteuernummer|numéro de tva|partita iva",
}
PREDICATES = {word: name for name, words in _SAME.items() for word in words.split("|")}
_KNOWN = "|".join(re.escape(word) for word in sorted(PREDICATES, key=len, reverse=True))
_NEW = r"(?:new|current|own|neue[rsn]?|nouveau|nouvelle|nuevo|nueva|nuovo|nuova)"
_THE = r"(?:the|die|der|das|dem|den|des|le|la|les|el|los|las|il|lo|i|gli)\s+|l['’]"
_MY = (
    r"(?:my|our|mein|meine|meinem|meiner|meines|unser|unsere|unserem|mon|ma|notre|mi|nuestro|nuestra|(?:il\s+)?mio"
    r"|(?:la\s+)?mia)"
)
_NAME = r"[^,;:?!\n]{1,60}?"
_OF = r"(?:of|for|von|vom|des|der|de\s+la|de\s+l['’]|del|della|dello|dell['’]|de|du|d['’]|di)"

_POSSESSED = re.compile(
    rf"^(?:{_THE}|{_MY}\s+)?(?P<s>{_NAME})(?:['’]s|(?<=s)['’])\s+(?:{_NEW}\s+)?(?P<p>{_NAME})$", re.I
)
_OF_WHOM = re.compile(rf"^(?:{_THE})?(?:{_NEW}\s+)?(?P<p>{_KNOWN})\s+{_OF}\s*(?:{_THE}|{_MY}\s+)?(?P<s>{_NAME})$", re.I)
_ANY_OF = re.compile(
    rf"^the\s+(?:{_NEW}\s+)?(?P<p>[^\W\d_][\w -]{{1,40}}?)\s+of\s+(?:the\s+|my\s+|our\s+)?(?P<s>{_NAME})$", re.I
)
_MINE = re.compile(rf"^{_MY}\s+(?:{_NEW}\s+)?(?P<p>{_KNOWN})$", re.I)
_COMPOUND = re.compile(
    rf"^(?:{_THE}|{_MY}\s+)?(?:{_NEW}\s+)?(?P<s>[\w.&-]+(?:\s+[\w.&-]+){{0,3}}?)\s+(?P<p>{_KNOWN})$", re.I
)
_GENITIVE = re.compile(rf"^(?P<s>[^\W\d_][\w-]{{2,30}}?)s\s+(?:{_NEW}\s+)?(?P<p>{_KNOWN})$", re.I)

_IS = (
    r"(?:is\s+now|is|are|was|were|has\s+changed\s+to|changed\s+to|has\s+become|will\s+be|ist\s+jetzt|ist|sind|war|waren|lautet(?:\s+jetzt)?|"
    r"lautete|est\s+maintenant|est|était|es\s+ahora|es|era|è\s+ora|è)"
)
_LEAD = re.compile(
    r"^(?:(?:actually|correction|by\s+the\s+way|btw|fyi|no|nein|übrigens|please\s+note(?:\s+that)?|note(?:\s+that)?|"
    r"remember(?:\s+that)?|merk\s+dir(?:,?\s+dass)?|from\s+[^:]{1,80}:)[,:]?\s+)+",
    re.I,
)
_OWNER = r"(?:her|his|their|its|ihre?|seine?|sa|son|leur|sus?|il\s+suo|la\s+sua)"
_GOES_ON = re.compile(
    rf"(?:\s*[,;]\s*(?:(?:and|und|et|y|e)\s+)?|\s+(?:and|und|et|y|e)\s+)(?={_OWNER}\s+(?:{_KNOWN})\b)", re.I
)
_OWNED = re.compile(rf"^{_OWNER}\s+(?P<p>{_KNOWN})\s*(?::|\b{_IS})?\s*(?P<v>\S.*)$", re.I)
_SOMEBODY = {
    "wife", "husband", "manager", "lawyer", "accountant", "doctor", "dentist", "assistant", "contact", "landlord", "supplier",
}  # fmt: skip
"""Properties whose value is somebody, to whom the rest of the sentence may go on: “my accountant is Ada, her number is …”."""
_STATES = re.compile(rf"^(?P<np>.{{2,140}}?)\s+(?P<is>{_IS})\s*:?\s+(?P<v>\S.{{0,160}})$", re.I)
_A_CLIENT = re.compile(
    r"^(?!(?i:this|that|it|he|she|who|there|here|if|dies|das|er|sie|wer)\b)(?P<s>[A-ZÄÖÜÉ][\w&.'’-]*(?:\s+[\w&.'’-]+){0,4})\s+"
    r"(?i:is|ist|est|es|è)\s+(?i:an?|my|our|eine?|meine?|unsere?|une?|una|mon|ma|notre|mi|nuestr[oa]|(?:il\s+)?mio)\s+"
    r"(?i:client|customer|kund(?:e|in)|mandant(?:in)?|cliente)\.?$"
)
_WHEN_LEAD = re.compile(
    rf"^(?:in|im|on|am|en|nel|since|seit|from|as\s+of|ab|depuis|desde|until|bis|before)\s+(?P<t>{PHRASE}),?\s+", re.I
)
_SINCE = re.compile(rf",?\s+(?:since|as\s+of|from|seit|ab|depuis|desde|dal?)\s+(?P<t>{PHRASE})\.?$", re.I)
_UNTIL = re.compile(
    rf",?\s+(?:until|till|bis(?:\s+zum)?|jusqu['’](?:en|au|à)|hasta|fino\s+a)\s+(?:the\s+)?(?P<t>{PHRASE})\.?$", re.I
)
_DURING = re.compile(rf",?\s+(?:in|im|on|am|en|nel|a)\s+(?P<t>{PHRASE})\.?$", re.I)
_WAS = re.compile(r"^(?:was|were|war|waren|lautete|était|era)$", re.I)
_NO_VALUE = re.compile(
    r"^(?:not|no|nicht|kein|pas|n[oi]|unknown|wrong|the\s+same|being|going|what|who|that\s+)\b", re.I
)
_SENTENCES = re.compile(rf"{SENTENCE_END}\s+(?=[A-ZÄÖÜÉÈ“\"])|\n+|(?<=[a-z0-9]);\s+")

_ANY = re.compile(r"\w")
_DAYS = frozenset({"birthday", "deadline"})
_ON = re.compile(r"^(?:on|am|le|el|il)\s+", re.I)
_FITS = {
    "phone": re.compile(r"^\+?[\d(][\d\s()./-]{1,28}\d(?:\s*(?:ext|x|-)\.?\s*\d+)?$"),
    "email": re.compile(r"^\S+@\S+\.\w+$"),
    "account": re.compile(r"^[A-Z]{0,4}[\d\s.-]{4,}|\d{4}"),
    "birthday": re.compile(r"\d"),
}
"""What a value of a property has to look like: "the number of guests is large" is no telephone number."""

_ASK = re.compile(
    r"^(?:please\s+)?(?:(?:and|und|so)\s+)?(?:(?:what|who|which|when|where)(?:['’]s|\s+(?:is|are|was|were))"
    r"|(?:do\s+you\s+(?:know|have)|tell\s+me|give\s+me|show\s+me)"
    r"|(?:was|wer|wie|wann|wo|welche[rs]?)\s+(?:ist|sind|war|waren|lautet|lautete)"
    r"|(?:quel(?:le)?\s+(?:est|était)|qui\s+est|c['’]est\s+quoi)|(?:cuál|quién|cuándo|dónde)\s+(?:es|era)"
    r"|(?:qual\s+è|qual\s+era|chi\s+è|quand['’]è))\s+(?P<np>.+)$",
    re.I,
)
_THOUGHT = re.compile(
    r"^what\s+did\s+(?:we|i|you)\s+(?:think|know|believe|have)(?:\s+(?:about|of|as|for|that))?\s+(?P<np>.+?)(?:\s+(?:was|were|is))?$"
    r"|^was\s+(?:dachten|wussten|glaubten)\s+wir(?:\s+(?:über|von))?\s+(?P<german>.+?)(?:\s+(?:war|sei))?$",
    re.I,
)  # fmt: skip
_BARE = re.compile(rf"^(?P<np>{_NAME}(?:['’]s|s['’])\s+(?:{_KNOWN}))$", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """Something stated. Times in ms, None where nothing was said of them; `quote` is the sentence."""

    subject: str
    predicate: str
    value: str
    quote: str
    valid_from: int | None = None
    valid_to: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for a fact: true at `valid_at`, as known at `known_at` (ms; None: now). `phrase` names the time."""

    subject: str
    predicate: str
    valid_at: int | None = None
    known_at: int | None = None
    phrase: str = ""


def statements(text: str, now: datetime, zone: tzinfo, *, known_only: bool, most: int = 20) -> Iterator[Statement]:
    """The statements in a text, at most `most`. `known_only`: none but of the properties in the table (foreign texts)."""
    found = 0
    for sentence in _SENTENCES.split(text):
        for made in told(sentence.strip().lstrip("#>*-• ").strip(), now, zone, known_only=known_only):
            yield made
            found += 1
            if found >= most:
                return


def told(sentence: str, now: datetime, zone: tzinfo, *, known_only: bool = False) -> Iterator[Statement]:
    """What one sentence states, with what it goes on to say of the same: “my accountant is Ada, her number is …”."""
    begins, *goes_on = _GOES_ON.split(sentence.strip())
    first = stated(begins, now, zone, known_only=known_only)
    if first is None:
        return
    yield replace(first, quote=sentence.strip())
    whose = first.value if first.predicate in _SOMEBODY else first.subject
    if whose == ME:
        return
    for part in goes_on:
        more = _OWNED.match(part)
        made = stated(f"{whose}'s {more['p']} is {more['v']}", now, zone, known_only=known_only) if more else None
        if made is not None:
            yield replace(made, quote=sentence.strip())


def stated(sentence: str, now: datetime, zone: tzinfo, *, known_only: bool = False) -> Statement | None:
    """What one sentence states, or None."""
    whole = sentence.strip()
    if not 8 <= len(whole) <= 300 or whole.endswith("?"):
        return None
    words = _LEAD.sub("", whole).strip()
    since = until = None
    if lead := _WHEN_LEAD.match(words):
        span = stretch(lead["t"], now, zone)
        since = span[0] if span else None
        words = words[lead.end() :]
    if not known_only and (said := _A_CLIENT.match(words)):
        return Statement(key(said["s"]), "role", "client", whole, since)
    found = _STATES.match(words)
    if found is None or _NO_VALUE.match(found["v"]):
        return None
    value = found["v"].strip()
    if ends := _UNTIL.search(value):
        span = stretch(ends["t"], now, zone, ahead=not _WAS.match(found["is"]))
        until, value = (span[0] if span else None), value[: ends.start()]
    if begins := _SINCE.search(value):
        span = stretch(begins["t"], now, zone)
        since, value = (span[0] if span else None), value[: begins.start()]
    elif _WAS.match(found["is"]) and (during := _DURING.search(value)):
        span = stretch(during["t"], now, zone)
        since, value = (span[0] if span else None), value[: during.start()]
    if _WAS.match(found["is"]) and since is None and until is None:
        return None  # "was" without a time is a story, no fact
    if until is not None and since is None and _WAS.match(found["is"]):
        since = 0
    named = noun(re.split(r"\b(?:that|dass|que|che)\s+", found["np"])[-1], known_only=known_only)
    value = value.strip().rstrip(".!").strip(" \"“”'")
    if named is not None and named[1] in _DAYS:
        value = _ON.sub("", value)
    if named is None or not value or len(value) > 120 or not _FITS.get(named[1], _ANY).search(value):
        return None
    return Statement(*named, value, whole, since, until)


def asked(question: str, now: datetime, zone: tzinfo) -> Asked | None:
    """The fact that a question asks for, or None when it asks for something else."""
    words = question.strip().rstrip(" ?!.").strip()
    if not words or len(words) > 200:
        return None
    span, phrase = None, ""
    if during := _DURING.search(words) or re.search(rf"\s+(?P<t>last\s+(?:week|month|year)|yesterday)$", words, re.I):  # noqa: F541
        span, phrase = stretch(during["t"], now, zone), during["t"].strip()
        if span is not None:
            words = words[: during.start()].strip()
    at = min(span[1] - 1, int(now.timestamp() * 1000)) if span else None
    thought = _THOUGHT.match(words)
    found = thought or _ASK.match(words) or _BARE.match(words)
    if found is None:
        return None
    named = noun((found["np"] or found["german"]) if thought else found["np"], known_only=False)
    if named is None:
        return None
    made = Asked(*named, phrase=phrase if at is not None else "")
    return replace(made, known_at=at, valid_at=at) if thought else replace(made, valid_at=at)


def noun(phrase: str, *, known_only: bool) -> tuple[str, str] | None:
    """(subject, predicate), both folded, of "the accountant's number", "the number of Ada", "my lawyer", "the door code"."""
    words = " ".join(phrase.split()).strip(" \"“”'")
    mine = _MINE.match(words)
    if mine:
        return ME, PREDICATES[mine["p"].casefold()]
    for pattern in (_POSSESSED, _OF_WHOM, _GENITIVE, _COMPOUND, _ANY_OF):
        if (found := pattern.match(words)) is None:
            continue
        predicate = PREDICATES.get(found["p"].casefold())
        if predicate is None and (known_only or len(found["p"].split()) > 4):
            continue
        subject = key(_bare(found["s"]))
        if subject and len(subject.split()) <= 6 and not _CLAUSE.search(f" {subject} "):
            return subject, predicate or key(found["p"])
    return None


_CLAUSE = re.compile(r" (?:that|which|who|if|because|and|but|it|he|she|this|dass|wenn|weil|und) ")
_ARTICLE = re.compile(rf"^(?:{_THE}|{_MY}\s+|(?:a|an|ein|eine|un|une|una)\s+)", re.I)
_KIN = re.compile(
    r"^(?:(?:best\s+|old\s+)?friend|sister|brother|mother|father|mom|mum|dad|son|daughter|wife|husband|partner|cousin|aunt|uncle"
    r"|niece|nephew|colleague|neighbou?r|Schwester|Bruder|Mutter|Vater|Sohn|Tochter|Ehefrau|Ehemann|Freund(?:in)?|Kolleg(?:e|in)"
    r"|sœur|frère|mère|père|fils|fille|ami|amie|hermana|hermano|amig[oa]|sorella|fratello|amic[oa])\s+(?=[A-ZÄÖÜÉ])"
)


def _bare(name: str) -> str:
    """Without what stands before a name: "my sister Mia" is Mia, whoever asks."""
    return _KIN.sub("", _ARTICLE.sub("", name.strip()).strip())
