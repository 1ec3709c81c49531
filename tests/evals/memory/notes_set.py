"""Generated notes with questions in other words, for measuring whether the right note answers, and when none does.

Four families of templates share no sentence. `first` and `second` helped to find what to measure; `third` (private life)
and `fourth` (work) were written by somebody who had not seen what is fitted, and no weight is fitted on any. A note
tells one thing about one person, place or object; a question asks for it without quoting the note; an unanswerable
question asks for something that no note tells, about somebody whom notes do mention or about nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.evals.memory.families import EXTRA, FOURTH, NOTHING_FOURTH, NOTHING_THIRD, THIRD


@dataclass(frozen=True, slots=True)
class Note:
    """`answer` is the word or number that a right passage contains."""

    name: str
    text: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class NotesSet:
    notes: tuple[Note, ...]
    distractors: tuple[str, ...]
    unanswerable: tuple[str, ...]


_FIRST_ROLES = (
    "accountant", "dentist", "landlord", "plumber", "gardener", "lawyer", "cleaner", "electrician", "physiotherapist",
    "piano teacher", "vet", "tailor", "insurance broker", "architect", "babysitter", "mechanic", "florist", "optician",
)  # fmt: skip
_FIRST_PEOPLE = (
    "Maria", "Jonas", "Priya", "Tomasz", "Ingrid", "Kwame", "Lucia", "Henrik", "Aiko", "Samir", "Beatrice", "Oleg",
    "Fatima", "Declan", "Noor", "Pavel", "Greta", "Mateo", "Yusuf", "Chloe",
)  # fmt: skip
_SECOND_ROLES = (
    "notary", "caterer", "driver", "translator", "bookkeeper", "hairdresser", "pharmacist", "locksmith", "surveyor",
    "photographer", "estate agent", "tax adviser", "roofer", "nanny", "tennis coach", "paediatrician", "carpenter",
)  # fmt: skip
_SECOND_PEOPLE = (
    "Elena", "Marcus", "Anjali", "Piotr", "Sigrid", "Kofi", "Valentina", "Anders", "Haruto", "Leila", "Vincent",
    "Irina", "Omar", "Siobhan", "Rafael", "Zofia", "Malik", "Camille", "Diego", "Astrid",
)  # fmt: skip
_CITIES = (
    "Lisbon",
    "Graz",
    "Ghent",
    "Porto",
    "Turin",
    "Malmo",
    "Leipzig",
    "Nantes",
    "Bilbao",
    "Cork",
    "Tallinn",
    "Split",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "March", "April", "May", "June", "August", "September", "October", "November")
_PARTS = ("mornings", "early afternoons", "late evenings", "lunchtimes")
_FOODS = ("peanuts", "shellfish", "gluten", "strawberries", "dairy", "sesame", "eggs")
_DRINKS = ("green tea", "black coffee", "sparkling water", "ginger beer", "oat milk cappuccino", "red wine")
_SPORTS = ("rowing", "badminton", "bouldering", "fencing", "cycling", "judo", "sailing")
_LANGUAGES = ("Portuguese", "Flemish", "Polish", "Catalan", "Finnish", "Turkish", "Swedish")
_COLOURS = ("dark green", "pale yellow", "navy", "burgundy", "turquoise", "charcoal")
_INSTRUMENTS = ("cello", "trumpet", "accordion", "harp", "saxophone", "banjo")
_FIRMS = ("Brightwater", "Kestrel Foods", "Nordlys", "Halden Partners", "Oakmere", "Vantum", "Silvergate", "Pinewood")
_HIDING = ("blue tin", "top drawer", "garage cupboard", "green folder", "hall wardrobe", "cellar shelf", "old suitcase")
_THINGS = (
    "spare key", "passport", "drill", "tent", "sewing machine", "sledge", "air pump", "projector", "warranty papers",
    "fondue set", "sleeping bag", "step ladder",
)  # fmt: skip
_OTHER_THINGS = (
    "vaccination book", "bicycle lock", "label printer", "camping stove", "steam iron", "snow chains", "tripod",
    "christmas lights", "marriage certificate", "pasta machine", "toolbox", "hard disk",
)  # fmt: skip

# (note, question, which slot answers); slots: role person city day month part food drink sport language colour
# instrument firm hiding thing n (small number) big (a price) year code phone
_FIRST = (
    ("The {role} prefers {part}.", "when does the {role} like to meet?", "part"),
    ("{person} is allergic to {food}.", "what must {person} not eat?", "food"),
    ("{person}'s birthday is on {n} {month}.", "when was {person} born?", "month"),
    ("The {thing} is in the {hiding}.", "where did I put the {thing}?", "hiding"),
    ("{person} moved to {city} last summer.", "which town does {person} live in now?", "city"),
    ("{person} works for {firm} as head of sales.", "who is {person}'s employer?", "firm"),
    ("The {role} charges {big} euros per visit.", "how expensive is the {role}?", "big"),
    ("{person} drinks {drink} only.", "what beverage should I order for {person}?", "drink"),
    (
        "{person} plays the {instrument} in an orchestra.",
        "what musical instrument does {person} practise?",
        "instrument",
    ),
    ("The {role} can be reached at {phone}.", "what is the telephone number of the {role}?", "phone"),
    ("The contract with {firm} ends in {month} {year}.", "until when does the {firm} agreement run?", "month"),
    ("{person} goes {sport} every {day}.", "what sport does {person} do?", "sport"),
    ("The code of the alarm at {firm} is {code}.", "how do I switch off the alarm at {firm}?", "code"),
    ("{person} speaks {language} at home.", "what is {person}'s mother tongue?", "language"),
    ("{person}'s kitchen will be painted {colour}.", "what colour did {person} choose for the kitchen?", "colour"),
    ("The {role} is on holiday until {n} {month}.", "when will the {role} be back?", "month"),
    ("{person} has {n} children.", "how many kids does {person} have?", "n"),
    ("Rent for the flat in {city} is {big} euros a month.", "how much do I pay for the {city} apartment?", "big"),
    ("{person} and {person2} married in {city}.", "where was the wedding of {person}?", "city"),
    ("The {role} recommended by {person} is very good.", "who suggested the {role}?", "person"),
)
_SECOND = (
    ("Our {role} only takes appointments on {day}.", "on which weekday can I see the {role}?", "day"),
    ("{person} can't stand {food}, never cook with it.", "which ingredient does {person} dislike?", "food"),
    ("I lent the {thing} to {person}.", "who has borrowed my {thing}?", "person"),
    ("{person} drives a {colour} van.", "what does {person}'s vehicle look like?", "colour"),
    ("Parking permit in {city} costs {big} per year.", "what do I pay to leave the car in {city}?", "big"),
    ("{person} grew up in {city}.", "what is {person}'s home town?", "city"),
    ("Wifi password at {firm}: {code}.", "how do I get on the internet at {firm}?", "code"),
    (
        "{person} is training for a {sport} competition in {month}.",
        "which tournament is {person} preparing for?",
        "sport",
    ),
    ("The {role} wants to be paid in cash.", "how should I settle the bill of the {role}?", "cash"),
    ("{person} founded {firm} in {year}.", "who started the company {firm}?", "person"),
    ("The {thing} broke, bought a new one for {big}.", "how much was the replacement of the {thing}?", "big"),
    ("{person} takes lessons in {language} with a tutor.", "what tongue is {person} learning?", "language"),
    ("The {role}'s office moved to {city}.", "where can I find the {role} these days?", "city"),
    ("{person} asked for a {instrument} as a birthday present.", "what gift would make {person} happy?", "instrument"),
    ("{firm} invoices are due within {n} days.", "how long do we have to pay bills from {firm}?", "n"),
    ("The meeting with {firm} was shifted to {day}.", "what day do we now sit down with {firm}?", "day"),
    ("{person} retires in {month} {year}.", "when does {person} stop working?", "month"),
    ("The {thing} hangs behind the door of the {hiding}.", "where is the {thing} kept?", "hiding"),
)
_NOTHING = (
    "what is the shoe size of {person}?", "what is the name of {person}'s dog?", "which school did {person} attend?",
    "how tall is {person}?", "what is the licence plate of the {role}?", "what is {person}'s blood type?",
    "which party does {person} vote for?", "what is the {role}'s star sign?", "does the {role} have a boat?",
    "what was the score of the match?", "who wrote the novel on my desk?", "what is the capital of Mongolia?",
    "how deep is the lake?", "what is my frequent flyer number?", "when does the museum open?",
    "which bank holds my mortgage?", "what is the recipe for the soup?", "who won the election?",
    "what is the wavelength of red light?", "how do I reset the router?",
)  # fmt: skip
_NOTHING_SECOND = (
    "what is {person}'s middle name?", "how much does {person} weigh?", "what did {person} study at university?",
    "which hotel did {person} stay at?", "what is the {role}'s favourite film?", "is the {role} married?",
    "what is {person}'s e-mail address?", "who is {person}'s godmother?", "what pet does the {role} keep?",
    "what is the boiling point of ethanol?", "when does my visa expire?", "which train goes to the airport?",
    "how many floors has the tower?", "who painted the picture in the hall?",
    "what is the serial number of the boiler?",
    "where was the treaty signed?", "what does the neighbour's son do?", "when is the next solar eclipse?",
    "what is my library card number?", "which seat did I book?",
)  # fmt: skip
_FILLER = (
    "Watered the {plant} and moved it to the {room}.", "Read {n} chapters of the book about {topic}.",
    "Idea: write a short piece on {topic}.", "The {room} needs new curtains.", "Walked {n} kilometres, felt good.",
    "Newsletter about {topic} was boring this week.", "Bought {n} packs of {plant} seeds at the market.",
    "The talk on {topic} lasted {n} hours.", "Sort the shelf with {topic} in the {room}.",
    "Rain again, cellar stayed dry.",
    "Try the bakery near the {room} of the old theatre.", "Podcast on {topic}, episode {n}, worth hearing again.",
    "Photo of the {plant} turned out blurred.", "Printed {n} pages on {topic} for the train.",
)  # fmt: skip
_PLANTS = ("basil", "fern", "lemon tree", "orchid", "lavender", "tomato", "ivy", "sunflower", "thyme")
_ROOMS = ("balcony", "attic", "study", "hallway", "guest room", "conservatory", "pantry", "terrace")
_TOPICS = (
    "Roman roads", "soil", "typography", "bees", "logistics", "volcanoes", "jazz", "maps", "pension reform", "glaciers",
    "chess openings", "lighthouses", "paper making", "railways", "birds", "compilers", "coral reefs",
)  # fmt: skip


_FAMILIES = {
    "first": (_FIRST, _NOTHING),
    "second": (_SECOND, _NOTHING_SECOND),
    "third": (THIRD, NOTHING_THIRD),
    "fourth": (FOURTH, NOTHING_FOURTH),
}


def notes_set(seed: int, family: str = "first", *, notes: int = 100, distractors: int = 500) -> NotesSet:
    """The set for a seed; Distractors: three parts diary, one part notes alike."""
    rng = random.Random(f"{family}-{seed}")
    templates, nothing = _FAMILIES[family]
    subjects: set[tuple[str, str]] = set()
    wanted: list[Note] = []
    while len(wanted) < notes:
        text, question, answer = templates[len(wanted) % len(templates)]
        slots = _slots(rng, family)
        key = (text, " ".join(v for k, v in sorted(slots.items()) if "{" + k + "}" in question))
        if key in subjects:
            continue
        subjects.add(key)
        wanted.append(
            Note(f"n{len(wanted)}.md", text.format(**slots), question.format(**slots), slots.get(answer, answer))
        )
    others: list[str] = []
    while len(others) < distractors:
        slots = _slots(rng, family)
        if len(others) % 4:
            others.append(rng.choice(_FILLER).format(**slots))
            continue
        text, question, _ = rng.choice(templates)
        key = (text, " ".join(v for k, v in sorted(slots.items()) if "{" + k + "}" in question))
        if key not in subjects:
            others.append(text.format(**slots))
    unanswerable = [nothing[i % len(nothing)].format(**_slots(rng, family)) for i in range(2 * len(nothing))]
    return NotesSet(tuple(wanted), tuple(others), tuple(dict.fromkeys(unanswerable)))


def _slots(rng: random.Random, family: str) -> dict[str, str]:
    first = family == "first"
    person, person2 = rng.sample(_FIRST_PEOPLE if first else _SECOND_PEOPLE, 2)
    pick = rng.choice
    return {
        "role": pick(_FIRST_ROLES if first else _SECOND_ROLES), "person": person, "person2": person2,
        "city": pick(_CITIES), "day": pick(_DAYS), "month": pick(_MONTHS), "part": pick(_PARTS), "food": pick(_FOODS),
        "drink": pick(_DRINKS), "sport": pick(_SPORTS), "language": pick(_LANGUAGES), "colour": pick(_COLOURS),
        "instrument": pick(_INSTRUMENTS), "firm": pick(_FIRMS), "hiding": pick(_HIDING),
        "thing": pick(_THINGS if first else _OTHER_THINGS),
        "n": str(rng.randint(2, 28)), "big": str(rng.randint(40, 990)),
        "year": str(rng.randint(1998, 2031)), "code": str(rng.randint(1000, 9999)),
        "phone": f"0{rng.randint(100, 999)} {rng.randint(10000, 99999)}", "plant": pick(_PLANTS), "room": pick(_ROOMS),
        "topic": pick(_TOPICS), **({} if first or family == "second" else {k: pick(v) for k, v in EXTRA.items()}),
    }  # fmt: skip
