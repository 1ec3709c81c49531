"""Two families of notes held out: nothing is fitted on them. {client2} and {company2} have values of their own."""

# everyday private life
THIRD = (
    ("{relative} wears size {shoe} in slippers, wool ones only.", "how big are {relative}'s feet?", "shoe"),
    ("Kindergarten pick-up for {child}: {clock} sharp.", "what time must somebody collect {child}?", "clock"),
    ("We got {pet} from a shelter in {city}.", "where did we adopt {pet}?", "city"),
    (
        "{pet} gets half a tablet of {medicine} with breakfast. Hide it in liver paste.",
        "what drug has the vet put {pet} on?",
        "medicine",
    ),
    ("The {neighbour} will feed {pet} while we're away.", "who minds {pet} when we travel?", "neighbour"),
    (
        "{appliance}: warranty runs out in {year}, receipt taped to the back.",
        "how long can I still get the {appliance} repaired for free?",
        "year",
    ),
    ("Bought the new {appliance} at {shop}, they carried it upstairs.", "who sold us the {appliance}?", "shop"),
    ("{child} has ended up in Mrs {teacher}'s class this year.", "what is {child}'s teacher called?", "teacher"),
    (
        "{child} gave up football after the holidays and does {sport} now.",
        "which club activity is {child} into these days?",
        "sport",
    ),
    ("No, {person} won't come along, {fear} again. Real panic.", "what is {person}'s phobia?", "fear"),
    (
        "{relative} had the {joint} operated on and must take it easy for {n} weeks.",
        "what kind of surgery did {relative} have?",
        "joint",
    ),
    (
        "Promised {person} a lift to the airport on {day}.",
        "when did I say I'd drive {person} to the plane?",
        "day",
    ),
    ("From now on the {club} meets in the {venue}.", "where do I go for the {club}?", "venue"),
    (
        "Still owe {person} {big} euros for the concert tickets.",
        "how much money do I have to give back to {person}?",
        "big",
    ),
    (
        "{relative} has read everything by {author} except the latest.",
        "who is {relative}'s favourite writer?",
        "author",
    ),
    (
        "For {relative}'s big birthday we're all chipping in for a {gift}.",
        "what present will {relative} get from us?",
        "gift",
    ),
    (
        "{person} and {person2} split up in spring; don't bring it up at dinner.",
        "who is {person}'s ex?",
        "person2",
    ),
    (
        "To {city} the {transport} is cheapest, book six weeks ahead.",
        "how do we get to {city} without paying a lot?",
        "transport",
    ),
    ("{city}: {lodging} was lovely, quiet rooms at the back. Go there again.", "where should we sleep in {city}?", "lodging"),
    (
        "{relative} puts a pinch of {spice} in the {dish}, that's the whole secret.",
        "what makes {relative}'s {dish} taste so special?",
        "spice",
    ),
    (
        "Called {relative} after the check-up: blood pressure {pressure}, a bit better than before.",
        "what were {relative}'s latest readings for hypertension?",
        "pressure",
    ),
    (
        "{child} won't go to sleep without the {toy}, so pack it!",
        "which cuddly companion does {child} need at bedtime?",
        "toy",
    ),
    ("{waste} goes out every other {day} before seven.", "when does the lorry come for the {waste}?", "day"),
    ("{person} hasn't touched {vice} since New Year, impressive.", "which bad habit has {person} kicked?", "vice"),
    (
        "Paint on the wall of the {room} is called {paint}, two coats were enough.",
        "which shade did we use for decorating the {room}?",
        "paint",
    ),
    (
        "That {thing} in our hall is {person}'s, return it after the summer.",
        "to whom do I have to give back the {thing}?",
        "person",
    ),
    ("{person} and {person2} first met {meeting}.", "how did {person} get to know {person2}?", "meeting"),
    ("Lovely news, {person} is going to be a parent in {month}.", "when is {person}'s baby due?", "month"),
    (
        "If we want to leave the {membership}, the letter has to be there before {month}.",
        "what is the cut-off for cancelling our {membership} subscription?",
        "month",
    ),
    (
        "The {neighbour} came over about the {noise} again, third time this month.",
        "what are the people next door, the {neighbour}, complaining about?",
        "noise",
    ),
)  # fmt: skip

# working life: consultant, founder, lawyer, doctor
FOURTH = (
    ("{client}: only by {channel}.", "how does {client} want to be contacted?", "channel"),
    (
        "{company} always transfers the money around {n} days late.",
        "how unpunctual is {company} in settling what it owes us?",
        "n",
    ),
    ("Agreed {big} an hour with {company}, travel on top.", "what do we charge {company} for our time?", "big"),
    ("{client} took over from {client2} as {position}.", "who was {client}'s predecessor?", "client2"),
    (
        "At {company} nothing happens unless {client} nods.",
        "whom do we really have to convince at {company}?",
        "client",
    ),
    ("Kick-off {project}: {n} {month}.", "when does work on {project} begin?", "month"),
    (
        "The steering committee wants to see the {project} draft by {day} noon at the latest.",
        "by which weekday must we hand in our paper on {project}?",
        "day",
    ),
    ("Everything for {project} lives in {tool}. No attachments!", "which software holds the files of {project}?", "tool"),
    ("{project} is now {n} percent over budget.", "how badly have costs slipped on {project}?", "n"),
    ("Invoice {code} to {company} still open, sent a second reminder.", "which bill has {company} not settled?", "code"),
    (
        "{company} sends our bills back unless cost centre K-{code} is on them.",
        "which internal reference does {company} insist on when we charge them?",
        "code",
    ),
    (
        "Notice period in the {company} contract: {n} weeks to the end of the quarter.",
        "how quickly could we get out of the deal with {company}?",
        "n",
    ),
    (
        "Our liability towards {company} is capped at {big} thousand.",
        "what is the most damages {company} could claim from us?",
        "big",
    ),
    (
        "Any dispute with {company} goes before the courts in {city}, they wouldn't move on that.",
        "where would a lawsuit against {company} be heard?",
        "city",
    ),
    ("Please no {peeve} with {client}, last time the mood turned icy.", "what should I avoid in front of {client}?", "peeve"),
    (
        "{client} takes {drink} and nothing else, have it on the table beforehand.",
        "what refreshment do we serve {client}?",
        "drink",
    ),
    (
        "To get a slot with {client}, go through {assistant} in the front office.",
        "who keeps {client}'s diary?",
        "assistant",
    ),
    ("{client} was at {company} before joining the current shop.", "who was the former employer of {client}?", "company"),
    ("{company} came to us through {client}, send a thank-you card.", "who referred {company} to our practice?", "client"),
    (
        "{company} has moved up to the {floor} floor, badge needed at the lift.",
        "on which storey do I find the offices of {company}?",
        "floor",
    ),
    (
        "Signed original of the {company} NDA: {storage}.",
        "where did we file the confidentiality agreement with {company}?",
        "storage",
    ),
    ("We've been on retainer for {company} since {year}.", "how long has {company} been a customer of ours?", "year"),
    (
        "Conflict check: back then we acted for {company2} against {company}.",
        "who was our side in the old case versus {company}?",
        "company2",
    ),
    (
        "{client} came out in a rash after {drug}, marked the chart in red.",
        "which medication must I not prescribe to {client}?",
        "drug",
    ),
    (
        "Wrote {client} a referral to the {specialist}, waiting for the report.",
        "which colleague is examining {client} further?",
        "specialist",
    ),
    (
        "Hearing in the {client} matter has been put off to {month}.",
        "when do I appear before the judge for {client}?",
        "month",
    ),
    (
        "{investor} is leading the new round at {company}, term sheet is signed.",
        "which fund is putting money into {company}?",
        "investor",
    ),
    ("{staff} signed! Starts in {month}, laptop ordered.", "when is the new colleague {staff} joining us?", "month"),
    ("{staff} isn't in on {day}s because of the kids.", "which weekday does {staff} take off?", "day"),
    (
        "The {tool} licence has gone up to {big} a seat.",
        "what do we spend per user on {tool}?",
        "big",
    ),
)  # fmt: skip

# near misses, then what nobody noted, then general knowledge
NOTHING_THIRD = (
    "what breed is {pet}?", "how old is {pet}?", "which instrument is {child} learning?",
    "what does {child} want to be as a grown-up?", "in which year was {relative} born?",
    "where did {relative} go to school?", "how much electricity does the {appliance} use?",
    "what is the model number of the {appliance}?", "what car does {person} drive?",
    "what does {person} do for a living?", "what is {person}'s postal address?",
    "how many grandchildren do the {neighbour} have?", "who is the treasurer of the {club}?",
    "what does it cost to join the {membership}?", "how much did we pay for the {thing}?",
    "which foreign languages does {person} speak?",
    "what strength are my new glasses?", "when was the chimney last swept?",
    "which wine did we drink at the anniversary?", "which row are our opera seats in?",
    "how many kilometres has our car done?", "what is the combination of my suitcase?", "who broke the blue vase?",
    "how long do you boil a soft egg?", "how far away is the moon?", "who composed The Magic Flute?",
    "how do I get candle wax out of a tablecloth?", "what is the largest lake in Africa?",
    "how many calories does a banana have?", "when did the Titanic sink?",
)  # fmt: skip
NOTHING_FOURTH = (
    "how many employees does {company} have?", "who audits the accounts of {company}?",
    "what was {company}'s turnover last year?", "what is {company}'s bank account number?",
    "in which year was {company} founded?", "where did {client} go to university?", "how old is {client}?",
    "what is {client}'s mobile number?", "is {client} married?", "which town does {client} live in?",
    "who is the project manager of {project}?", "how many people are staffed on {project}?",
    "what salary does {staff} get?", "what did {staff} study?", "what is the admin password for {tool}?",
    "which health insurer is {client} with?",
    "when does the lease on our office expire?", "who has the key to the server room?",
    "how many days of leave do I have left?", "where do we order our letterhead?",
    "what was decided about the company car?", "who catered the Christmas party?",
    "which toner does the copier take?",
    "how do you calculate compound interest?", "what does EBITDA stand for?",
    "who invented double-entry bookkeeping?", "what is the normal range of potassium in blood?",
    "how do I freeze the top row of a spreadsheet?", "when was the Treaty of Rome signed?",
    "what is the difference between a patent and a trademark?",
)  # fmt: skip

EXTRA = {
    "relative": (
        "Grandma", "Grandpa", "Mum", "Dad", "Uncle Theo", "Aunt Vera", "Cousin Mila", "Aunt Dorothea", "Uncle Karl",
        "Cousin Bruno", "Great-aunt Hilde", "Uncle Nils",
    ),
    "child": ("Ella", "Finn", "Matilda", "Oskar", "Juna", "Levi", "Romy", "Caspar", "Ida", "Milo"),
    "pet": ("Biscuit", "Mopsy", "Rufus", "Pepper", "Schnitzel", "Cleo", "Waffles", "Bandit", "Nugget", "Tiger"),
    "neighbour": (
        "Hoffmanns", "Okafors", "Lindqvists", "Morettis", "Petersens", "Nowaks", "Dubois family", "Bakers", "Yilmazes",
    ),
    "appliance": (
        "dishwasher", "tumble dryer", "washing machine", "fridge", "vacuum cleaner", "toaster", "coffee machine",
        "freezer", "microwave",
    ),
    "shop": ("Elkmann", "Coolblue", "Expert Huber", "MediaWorld", "John Lewis", "Darty", "Conrad", "Currys"),
    "club": (
        "book club", "choir", "chess circle", "parents' council", "knitting group", "running group", "quiz team",
        "theatre group",
    ),
    "venue": (
        "parish hall", "back room of the Red Lion", "town library", "old fire station", "school canteen",
        "community centre", "boathouse",
    ),
    "membership": (
        "climbing hall", "zoo", "yoga studio", "car-sharing scheme", "allotment society", "streaming service",
        "vegetable box", "swimming pool",
    ),
    "medicine": ("Apoquel", "Metacam", "prednisolone", "Vetmedin", "amoxicillin", "gabapentin", "Felimazole"),
    "teacher": ("Kowalczyk", "Brandt", "Fitzgerald", "Amadi", "Soler", "Vogel", "Haugen", "Pereira"),
    "fear": ("heights", "spiders", "flying", "dogs", "lifts", "needles", "deep water", "thunderstorms"),
    "joint": ("left knee", "right hip", "shoulder", "gall bladder", "cataract", "wrist", "meniscus", "thyroid"),
    "author": (
        "Agatha Christie", "Haruki Murakami", "Elena Ferrante", "Terry Pratchett", "Joseph Roth", "Hilary Mantel",
        "Henning Mankell", "Isabel Allende",
    ),
    "gift": (
        "hot-air balloon ride", "garden bench", "reading chair", "weekend in the mountains", "telescope", "record player",
        "folding bike", "photo album",
    ),
    "transport": ("night train", "coach", "ferry", "car pool", "regional train", "charter flight"),
    "lodging": (
        "Pension Amalia", "Hotel Central", "Casa Verde", "the Blue Anchor", "Villa Rosa", "the youth hostel",
        "the campsite by the river",
    ),
    "spice": ("nutmeg", "cinnamon", "smoked paprika", "cardamom", "juniper", "star anise", "cumin", "mustard powder"),
    "dish": ("goulash", "potato salad", "lentil soup", "apple cake", "Sunday roast", "meatballs", "red cabbage"),
    "toy": ("grey rabbit", "plush octopus", "one-eyed bear", "velvet fox", "knitted elephant", "stuffed penguin"),
    "waste": (
        "Waste paper", "Glass", "Garden waste", "Plastic packaging", "Scrap metal", "Bulky rubbish", "Kitchen scraps",
    ),
    "vice": ("cigarettes", "sugar", "alcohol", "crisps", "online poker", "energy drinks", "chocolate"),
    "paint": ("Winter Sage", "Old Linen", "Stone Blue", "Apricot Mist", "Mole Grey", "Fresh Clay", "Lemon Ice"),
    "meeting": (
        "at a salsa evening", "on a night bus", "in the dog park", "at a language course", "in a hospital queue",
        "at a flea market", "on a ski lift", "at a funeral",
    ),
    "noise": (
        "drum practice", "barking", "leaf blower", "barbecue smoke", "overhanging branches", "trampoline", "wind chimes",
    ),
    "shoe": ("36", "37", "38", "39", "40", "41", "42", "43", "44", "45"),
    "clock": ("12:15", "12:45", "13:30", "14:00", "14:45", "15:15", "15:50", "16:20", "16:40"),
    "pressure": ("128/82", "134/85", "139/88", "142/90", "147/91", "151/94", "136/79"),
    "client": (
        "Dr Lindner", "Ms Vasquez", "Mr Achterberg", "Professor Iwu", "Mrs Kaminski", "Mr Tanaka", "Ms Oyelaran",
        "Dr Brennan", "Mr Sørensen", "Mrs Delacroix", "Ms Feldman", "Mr Rossi", "Dr Chaudhry", "Mrs Novak",
    ),
    "client2": (
        "Mr Whitlock", "Ms Abebe", "Dr Steiner", "Mrs Galvao", "Mr Nakamura", "Ms Reinholt", "Dr Mbeki", "Mr Quinlan",
    ),
    "company": (
        "Arvento", "Bellweather Logistics", "Corvina Biotech", "Dunmore & Sons", "Eisenhut AG", "Ferrox", "Glasmann",
        "Hollis Insurance", "Ionica", "Juniper Rail", "Krantz Media", "Lumera", "Meridian Dairy", "Nexum Bank",
    ),
    "company2": (
        "Ostrava Steel", "Palatin Hotels", "Quillon", "Redfern Textiles", "Solvanta", "Tresor Watches", "Umbria Foods",
    ),
    "project": (
        "Project Heron", "Project Atlas", "Project Basalt", "Project Lighthouse", "Project Sparrow", "Project Zenith",
        "Project Magnolia", "Project Cobalt", "Project Ferryman", "Project Oak",
    ),
    "tool": ("Notion", "SharePoint", "Jira", "Dropbox", "Miro", "Confluence", "Figma", "Asana", "Trello"),
    "channel": ("e-mail", "letter", "Signal", "text message", "fax", "phone", "video call"),
    "position": (
        "head of purchasing", "general counsel", "chief financial officer", "plant manager", "head of IT",
        "works council chair", "medical director",
    ),
    "peeve": (
        "slides", "small talk", "buzzwords", "jokes about the merger", "first names", "phones on the table",
        "talk of job cuts", "politics",
    ),
    "assistant": ("Tessa Horn", "Florian Beck", "Nadia Rahimi", "Owen Pryce", "Karin Lund", "Sophie Marchetti"),
    "floor": ("second", "third", "fifth", "seventh", "ninth", "eleventh", "fourteenth", "top"),
    "storage": (
        "fireproof safe", "red binder, shelf 4", "notary's vault", "bottom drawer of my desk", "archive box 17",
        "grey filing cabinet", "bank deposit box",
    ),
    "drug": ("penicillin", "ibuprofen", "codeine", "aspirin", "cefuroxime", "metamizole", "tramadol"),
    "specialist": (
        "cardiologist", "dermatologist", "neurologist", "rheumatologist", "ENT clinic", "endocrinologist", "urologist",
        "lung specialist",
    ),
    "investor": (
        "Northgate Ventures", "Alpine Seed", "Blue Harbour Capital", "Tidewater Partners", "Cedar Growth", "Polaris VC",
    ),
    "staff": (
        "Hannah Weiss", "Tariq Bello", "Lena Krause", "Jakub Zeman", "Emily Carver", "Ravi Menon", "Clara Fontaine",
        "Björn Ek", "Miriam Stolz",
    ),
}  # fmt: skip
