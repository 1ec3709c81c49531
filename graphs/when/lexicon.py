"""The words of time in English, German, French, Spanish and Italian, as one table from phrase to meaning.

The grammar works on kinds, so a language is rows here and nothing elsewhere. Words that mean something else too often
("hier", "once", "sept" as seven, German "so", "do", "mi") are left out on purpose.
"""

from __future__ import annotations

from .tokens import Senses, pieces

Row = tuple[str, object, str]

_DAYS: list[Row] = [
    ("DAY", 0, "today|later today|heute|noch heute|aujourd'hui|hoy|oggi"),
    ("DAY", 1, "tomorrow|tomorow|tmrw|tmr|morgen|demain|mañana|domani"),
    ("DAY", 2, "day after tomorrow|the day after tomorrow|übermorgen|après-demain|pasado mañana|dopodomani"),
    ("DAY", -1, "yesterday|gestern|ayer|ieri"),
    ("DAY", -2, "day before yesterday|the day before yesterday|vorgestern|avant-hier|anteayer"),
    ("DAYPART", (0, "morning"), "this morning|heute morgen|heute früh|ce matin|esta mañana|stamattina|questa mattina"),
    ("DAYPART", (0, "afternoon"), "this afternoon|heute nachmittag|cet après-midi|esta tarde|questo pomeriggio"),
    ("DAYPART", (0, "evening"), "this evening|heute abend|ce soir|stasera|questa sera"),
    ("DAYPART", (0, "tonight"), "tonight|tonite"),
    ("DAYPART", (0, "night"), "heute nacht|cette nuit|esta noche|stanotte"),
    ("DAYPART", (1, "morning"), "morgen früh|morgen vormittag|mañana por la mañana|domattina|tomorrow first thing"),
    ("WEEKDAY", 0, "monday|mon|montag|lundi|lunes|lunedì"),
    ("WEEKDAY", 1, "tuesday|tue|tues|dienstag|mardi|martes|martedì"),
    ("WEEKDAY", 2, "wednesday|wed|weds|mittwoch|mercredi|miércoles|mercoledì"),
    ("WEEKDAY", 3, "thursday|thu|thur|thurs|donnerstag|jeudi|jueves|giovedì"),
    ("WEEKDAY", 4, "friday|fri|freitag|vendredi|viernes|venerdì"),
    ("WEEKDAY", 5, "saturday|sat|samstag|sonnabend|samedi|sábado|sabato"),
    ("WEEKDAY", 6, "sunday|sun|sonntag|dimanche|domingo|domenica"),
    ("DAYS", (0,), "mondays|montags|lundis"),
    ("DAYS", (1,), "tuesdays|dienstags|mardis"),
    ("DAYS", (2,), "wednesdays|mittwochs|mercredis"),
    ("DAYS", (3,), "thursdays|donnerstags|jeudis"),
    ("DAYS", (4,), "fridays|freitags|vendredis"),
    ("DAYS", (5,), "saturdays|samstags|samedis|sábados"),
    ("DAYS", (6,), "sundays|sonntags|dimanches|domingos"),
    ("DAYS", (0, 1, 2, 3, 4), "weekdays|workdays|work days|werktags|wochentags|días laborables|giorni feriali"),
    ("DAYS", (5, 6), "weekends"),
    (
        "WORKDAY",
        0,
        "weekday|workday|work day|working day|werktag|arbeitstag|jour ouvrable|día laborable|giorno feriale",
    ),
    ("WEEKEND", 0, "weekend|week-end|wochenende|fin de semana|fine settimana"),
]

_MONTHS: list[Row] = [
    ("MONTH", 1, "january|jan|januar|janvier|enero|gennaio"),
    ("MONTH", 2, "february|feb|februar|février|febrero|febbraio"),
    ("MONTH", 3, "march|mar|märz|mars|marzo"),
    ("MONTH", 4, "april|apr|avril|abril|aprile"),
    ("MONTH", 5, "may|mai|mayo|maggio"),
    ("MONTH", 6, "june|jun|juni|juin|junio|giugno"),
    ("MONTH", 7, "july|jul|juli|juillet|julio|luglio"),
    ("MONTH", 8, "august|aug|août|agosto"),
    ("MONTH", 9, "september|sep|sept|septembre|septiembre|settembre"),
    ("MONTH", 10, "october|oct|oktober|okt|octobre|octubre|ottobre"),
    ("MONTH", 11, "november|nov|novembre|noviembre"),
    ("MONTH", 12, "december|dec|dezember|dez|décembre|diciembre|dicembre"),
]

_PARTS: list[Row] = [
    (
        "PART",
        "morning",
        "morning|vormittag|matin|mattina|früh|in the morning|am morgen|am vormittag|morgens|le matin"
        "|du matin|por la mañana|de la mañana|di mattina|del mattino|first thing|first thing in the morning",
    ),
    (
        "PART",
        "afternoon",
        "afternoon|nachmittag|in the afternoon|am nachmittag|nachmittags|l'après-midi|après-midi"
        "|de l'après-midi|por la tarde|de la tarde|pomeriggio|del pomeriggio|nel pomeriggio",
    ),
    ("PART", "evening", "evening|abend|in the evening|am abend|abends|soir|du soir|le soir|sera|di sera|la sera"),
    (
        "PART",
        "night",
        "night|at night|nacht|nachts|in der nacht|nuit|de la nuit|por la noche|de la noche|notte|di notte",
    ),
    ("NOON", 12, "noon|midday|mid-day|mittag|mittags|midi|mediodía|al mediodía|mezzogiorno"),
    ("NOON", 24, "midnight|mitternacht|minuit|medianoche|mezzanotte"),
    ("NOON", 17, "eod|end of day|end of the day|close of business"),
    ("HINT", "lunch", "lunch|mittagessen|déjeuner|almuerzo|pranzo"),
    ("HINT", "evening", "dinner|supper|drinks|abendessen|dîner|cena|aperitivo|apéro"),
    (
        "HINT",
        "morning",
        "wake|alarm|breakfast|wecken|weck|wecker|frühstück|réveille|réveil|despiértame|svegliami|colazione",
    ),
]

_LINKS: list[Row] = [
    ("AT", 12, "at|@|at about|at around|around|about"),
    ("AT", 24, "um|ab|gegen|à|vers|a las|a la|sobre las|alle|alle ore|ore|all'|verso le"),
    ("ON", 0, "on|am|le|el|il|den|dem|los|on the|di"),
    ("BY", 0, "by|before|bis zum|vor|avant|antes del|entro|after|by the"),
    ("IN", 0, "in|within|dans|en|tra|fra|dentro de"),
    ("FOR", 0, "for|für|während|pendant|pour|durante|por|per|lasting"),
    ("FROM", 0, "from|von|vom|de|du|desde|del|dal|dalle|between|zwischen|entre"),
    ("UNTIL", 0, "until|till|til|bis|jusqu'au|jusqu'à|hasta|hasta el|fino al|fino a|through"),
    ("START", 0, "starting|starting on|starting from|beginning|beginning on|as of|ab dem|à partir du|a partir del"),
    ("TO", 0, "to|zu|until|till"),
    ("AND", 0, "and|und|et|y|e|&|plus"),
    ("THE", 0, "the|der|die|das|la|las"),
    ("OF", 0, "of|des|of the|in the|de|di|del|du"),
    ("A", 1, "a|an|ein|eine|einer|einem|einen|un|une|una"),
    ("AGO", -1, "ago|earlier|fa"),
    ("AGO", 1, "from now|later|from today|hence"),
    ("PASTWARD", 0, "vor|hace|il y a"),
    (
        "NEXT",
        1,
        "next|nächsten|nächste|nächster|nächstes|nächstem|prochain|prochaine|próximo|próxima|prossimo|prossima"
        "|que viene|the next|el próximo|il prossimo|la prossima|la próxima",
    ),
    (
        "NEXT",
        0,
        "this|diesen|diese|dieser|dieses|ce|cette|este|esta|questo|questa|the coming|coming|kommenden|kommende",
    ),
    (
        "NEXT",
        -1,
        "last|letzten|letzte|letzter|dernier|dernière|pasado|último|scorso|scorsa|the last|le dernier|el último",
    ),
    ("END", 1, "end of|end of the|the end of|the end of the|ende|ende des|fin de|fin du|finales de|fine"),
    ("END", 0, "beginning of|start of|beginning of the|start of the|the beginning of|anfang|début"),
    (
        "EACH",
        1,
        "every|each|jeden|jede|jedes|jeder|alle|chaque|tous les|toutes les|cada|todos los|todas las|ogni|tutti i"
        "|tutte le|every single",
    ),
    ("EACH", 2, "every other|every second|jeden zweiten|jede zweite|jedes zweite"),
    ("OFTEN", ("DAILY", 1), "daily|täglich|quotidiennement|diariamente|giornalmente|every day|everyday|each day"),
    ("OFTEN", ("WEEKLY", 1), "weekly|wöchentlich|settimanalmente|semanalmente"),
    ("OFTEN", ("WEEKLY", 2), "biweekly|fortnightly|every fortnight|zweiwöchentlich"),
    ("OFTEN", ("MONTHLY", 1), "monthly|monatlich|mensualmente|mensilmente"),
    ("OFTEN", ("MONTHLY", 3), "quarterly|every quarter|vierteljährlich"),
    ("OFTEN", ("YEARLY", 1), "yearly|annually|every year|jährlich|each year"),
    ("OFTEN", ("HOURLY", 1), "hourly|every hour|stündlich"),
    ("TIMES", 0, "times|mal|fois|veces|volte|occurrences"),
    ("SAME", 0, "same time|at the same time|the same time|gleiche zeit|zur gleichen zeit|même heure|à la même heure"),
]

_CLOCK: list[Row] = [
    ("AMPM", 0, "am|a.m.|a.m"),
    ("AMPM", 12, "pm|p.m.|p.m"),
    ("OCLOCK", 0, "o'clock|oclock|uhr|heures|heure|hrs"),
    ("PAST", 30, "half past|half after"),
    ("PAST", 15, "quarter past|a quarter past|quarter after|viertel nach"),
    ("PAST", -15, "quarter to|a quarter to|quarter till|quarter of|viertel vor"),
    ("PAST", -30, "halb"),
    ("PLUS", 30, "et demie|y media|e mezza|e mezzo|and a half|und eine halbe|et demi"),
    ("PLUS", 15, "et quart|y cuarto|e un quarto"),
    ("PLUS", -15, "moins le quart|menos cuarto|meno un quarto"),
    ("MINS", 1, "past|after|nach"),
    ("MINS", -1, "to|before|vor|till"),
    ("FOLD", 0, "first time"),
    ("FOLD", 1, "second time"),
    ("NOW", 0, "now|right now|jetzt|maintenant|ahora|adesso|immediately"),
]

_UNITS: list[Row] = [
    ("UNIT", ("s", 1), "second|seconds|sec|secs|sekunde|sekunden|seconde|secondes|segundo|segundos|secondo|secondi"),
    ("UNIT", ("s", 60), "minute|minutes|min|mins|minuten|minuto|minutos|minuti"),
    ("UNIT", ("s", 3600), "hour|hours|hr|hrs|h|stunde|stunden|std|heure|heures|hora|horas|ora"),
    ("UNIT", ("d", 1), "day|days|tag|tage|tagen|jour|jours|día|días|giorno|giorni"),
    ("UNIT", ("d", 7), "week|weeks|wk|wks|woche|wochen|semaine|semaines|semana|semanas|settimana|settimane"),
    ("UNIT", ("d", 14), "fortnight|fortnights|quinzaine"),
    ("UNIT", ("m", 1), "month|months|monat|monate|monaten|monats|mois|mes|meses|mese|mesi"),
    ("UNIT", ("m", 3), "quarter|quarters|quartal|trimestre"),
    ("UNIT", ("m", 12), "year|years|yr|yrs|jahr|jahre|jahren|jahres|an|ans|année|año|años|anno|anni"),
    (
        "LONG",
        1800,
        "half an hour|half hour|a half hour|halbe stunde|halben stunde|eine halbe stunde"
        "|einer halben stunde|une demi-heure|demi-heure|media hora|mezz'ora|mezzora|half-hour",
    ),
    (
        "LONG",
        900,
        "quarter of an hour|a quarter of an hour|quarter hour|viertelstunde|einer viertelstunde|un quart d'heure"
        "|eine viertelstunde|quart d'heure|un cuarto de hora|cuarto de hora|un quarto d'ora",
    ),
    ("LONG", 2700, "three quarters of an hour|dreiviertelstunde|einer dreiviertelstunde"),
    ("LONG", 5400, "anderthalb stunden|eineinhalb stunden"),
]

_NUMBERS: list[Row] = [
    ("WNUM", 1, "one|eins|uno"),
    ("WNUM", 2, "two|zwei|deux|dos|due|a couple of|couple of|a couple"),
    ("WNUM", 3, "three|drei|trois|tres|tre"),
    ("WNUM", 4, "four|vier|quatre|cuatro|quattro"),
    ("WNUM", 5, "five|fünf|cinq|cinco|cinque"),
    ("WNUM", 6, "six|sechs|seis|sei"),
    ("WNUM", 7, "seven|sieben|siete|sette"),
    ("WNUM", 8, "eight|acht|huit|ocho|otto"),
    ("WNUM", 9, "nine|neun|neuf|nueve|nove"),
    ("WNUM", 10, "ten|zehn|dix|diez|dieci"),
    ("WNUM", 11, "eleven|elf|onze|undici"),
    ("WNUM", 12, "twelve|zwölf|douze|doce|dodici"),
    ("WNUM", 13, "thirteen"),
    ("WNUM", 14, "fourteen"),
    ("WNUM", 15, "fifteen|fünfzehn|quinze|quince|quindici"),
    ("WNUM", 16, "sixteen"),
    ("WNUM", 17, "seventeen"),
    ("WNUM", 18, "eighteen"),
    ("WNUM", 19, "nineteen"),
    ("WNUM", 20, "twenty|zwanzig|vingt|veinte|venti"),
    ("WNUM", 30, "thirty|dreißig|dreissig|trente|treinta|trenta"),
    ("WNUM", 40, "forty|vierzig|quarante|cuarenta"),
    ("WNUM", 45, "fünfundvierzig"),
    ("WNUM", 50, "fifty|fünfzig"),
    ("WNUM", 60, "sixty"),
    ("WNUM", 90, "ninety|neunzig"),
    ("ORD", 1, "first|ersten|erste|erster|premier|premières|primer|primero|primo|prima"),
    ("ORD", 2, "second|zweiten|zweite|deuxième|secondo|segundo"),
    ("ORD", 3, "third|dritten|dritte|troisième|tercer|terzo"),
    ("ORD", 4, "fourth|vierten"),
    ("ORD", 5, "fifth|fünften"),
    ("ORD", 6, "sixth"),
    ("ORD", 7, "seventh"),
    ("ORD", 8, "eighth"),
    ("ORD", 9, "ninth"),
    ("ORD", 10, "tenth"),
    ("ORD", 11, "eleventh"),
    ("ORD", 12, "twelfth"),
    ("ORD", 13, "thirteenth"),
    ("ORD", 14, "fourteenth"),
    ("ORD", 15, "fifteenth"),
    ("ORD", 20, "twentieth"),
    ("ORD", 30, "thirtieth"),
]

Trie = dict[str, "Node"]


class Node:
    """A step in the trie of phrases: what the words so far mean, and what may follow."""

    __slots__ = ("below", "senses")

    def __init__(self) -> None:
        self.senses: Senses = {}
        self.below: Trie = {}


def _plain(phrase: str) -> str:
    return phrase.translate(str.maketrans("äöüáéíóúàèìòùâêîôûñç", "aouaeiouaeiouaeiounc")).replace("ß", "ss")


def _spellings(phrase: str) -> set[str]:
    """As written, and as typed without accents; one- and two-letter words keep theirs ("à" is not "a")."""
    return {phrase, _plain(phrase)} if len(phrase) > 2 else {phrase}


def _grow() -> Trie:
    root: Trie = {}
    for kind, value, phrases in [*_DAYS, *_MONTHS, *_PARTS, *_LINKS, *_CLOCK, *_UNITS, *_NUMBERS]:
        for phrase in phrases.split("|"):
            for spelling in _spellings(phrase):
                node = Node()
                below = root
                for word in pieces(spelling):
                    node = below.setdefault(word, Node())
                    below = node.below
                node.senses.setdefault(kind, value)
    return root


TRIE = _grow()
