"""Sensitive matter is recognised when it comes in, and agents can be walled off from a class of it. Pure.

Every document of the principal's carries, beside "principal", one token that names its classes ("open" for none). An agent
without walls reads as "principal"; a walled one reads by tokens, of which it has those without a forbidden class. So the
filter that keeps readers apart keeps agents apart, too, and facts inherit it with the readers of their document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import combinations

CLASSES = ("children", "credentials", "finance", "health", "legal")
PRINCIPAL = "principal"
OPEN = "open"

_WORDS = {
    "health": "diagnosis diagnosed patient symptom symptoms prescription medication therapy therapist surgery hospital "
    "allergy allergic blood cancer diabetes pregnant pregnancy vaccine clinic diagnose patientin symptome rezept medikament "
    "therapie operation krankenhaus spital allergie blutwerte krebs schwanger impfung krankschreibung diagnostic "
    "ordonnance médicament hôpital grossesse diagnóstico receta medicamento embarazo diagnosi ricetta farmaco ospedale",
    "finance": "iban salary invoice invoices payment mortgage loan tax taxes dividend portfolio overdraft balance payslip "
    "gehalt lohn rechnung zahlung hypothek kredit steuer steuern steuererklärung kontostand lohnausweis salaire facture "
    "paiement hypothèque impôts sueldo factura pago hipoteca impuestos stipendio fattura pagamento mutuo imposte",
    "legal": "lawsuit court attorney plaintiff defendant settlement subpoena litigation clause indemnity custody verdict "
    "klage gericht anwalt anwältin kläger beklagte vergleich vertragsstrafe sorgerecht urteil tribunal avocat plainte "
    "jugement demanda juzgado abogado sentencia causa avvocato tribunale sentenza",
    "children": "daughter son kindergarten daycare school teacher homework paediatrician pediatrician babysitter toddler "
    "tochter sohn kita schule lehrerin lehrer hausaufgaben kinderarzt kinderärztin fille fils école crèche pédiatre hija "
    "hijo colegio guardería pediatra figlia figlio scuola asilo",
}
_SETS = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_SURE = {
    "finance": re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,4})?\b"),  # an IBAN
    "credentials": re.compile(
        r"\b(?:pass(?:word|phrase|code)|passwort|kennwort|mot\s+de\s+passe|contraseña|pin(?:\s+code)?|door\s+code|türcode|"
        r"api[\s_-]?key|secret[\s_-]?key|recovery\s+(?:code|phrase)|seed\s+phrase|2fa)\b[^.\n]{0,24}?(?:is|ist|est|es|è|:|=)\s*\S"
        r"|\bsk-[\w-]{16,}|\bxox[abp]-[\w-]+|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----",
        re.IGNORECASE,
    ),
}
_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 2  # different words of a class: one may be chance


def classes_of(text: str) -> tuple[str, ...]:
    """The classes that a text belongs to, sorted."""
    words = {w.casefold() for w in _WORD.findall(text)}
    found = {name for name, own in _SETS.items() if len(words & own) >= _ENOUGH}
    return tuple(sorted(found | {name for name, sure in _SURE.items() if sure.search(text)}))


def labelled(readers: Sequence[str], text: str) -> tuple[str, ...]:
    """`readers` of something with this text, with the token of its classes where the principal is among them."""
    if PRINCIPAL not in readers:
        return tuple(readers)
    return (*(r for r in readers if not is_token(r)), _token(classes_of(text)))


def readers_of(walled: Collection[str]) -> tuple[str, ...]:
    """What an agent reads as that is walled off from these classes: "principal" when from none."""
    if not walled:
        return (PRINCIPAL,)
    free = [name for name in CLASSES if name not in walled]
    return (OPEN, *(_token(some) for n in range(1, len(free) + 1) for some in combinations(free, n)))


def within(name: str, readers: Sequence[str]) -> bool:
    """Whether something with these readers belongs to the class."""
    return any(is_token(r) and name in r.removeprefix("class:").split("+") for r in readers)


def is_token(reader: str) -> bool:
    return reader == OPEN or reader.startswith("class:")


def _token(classes: Sequence[str]) -> str:
    return "class:" + "+".join(classes) if classes else OPEN
