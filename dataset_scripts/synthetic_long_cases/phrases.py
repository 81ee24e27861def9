"""Authored sentences around the findings: they are drawn without looking at the class of the case.

`[a|b]` is a choice (an empty branch is allowed), `{low-high}` a whole number between the two.
"""

from __future__ import annotations

import re

from ..synthetic_clinical_qa.drawing import Draw

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"\{(\d+)-(\d+)\}")


def phrase(draw: Draw, template: str) -> str:
    """Return a template with each choice made and each number drawn.

    >>> phrase(Draw("1"), "slept [well|well] for {7-7} hours")
    'slept well for 7 hours'
    """
    while match := _CHOICE.search(template):
        template = template[: match.start()] + draw.one(match.group(1).split("|")) + template[match.end() :]
    return _NUMBER.sub(lambda found: str(draw.between(int(found[1]), int(found[2]))), template)


OPENINGS = (
    "Thank you for [referring|sending] this {24-88}-year-old [man|woman] to the [clinic|unit|department].",
    "I [saw|reviewed] this {24-88}-year-old [man|woman] [in clinic|by telephone and then in person] [today|this week].",
    "This is [a summary|an update] on a {24-88} yo [male|female] known to [our team|the service].",
    "Many thanks for asking us to see this [gentleman|lady] of {24-88} years.",
    "Pt is a {24-88}-year-old [man|woman] seen [with a relative|alone] for [follow-up|a first appointment].",
)
HISTORY = (
    "[Hypertension|Raised blood pressure] since {1998-2024}, [treated|on tablets].",
    "Type 2 diabetes [known|diagnosed] in {2001-2023}, diet and [metformin|tablets].",
    "Appendicectomy in {1965-1999}.",
    "Osteoarthritis of [both knees|the left hip|the hands], [worse in winter|managed with exercises].",
    "[Childhood|Seasonal] asthma without admission since {1985-2015}.",
    "Cataract surgery on the [right|left] in {2012-2024}, [good result|sees well].",
    "Hypothyroidism, stable on replacement since {2003-2022}.",
    "Migraine with aura in [her|his] [twenties|thirties], none for {5-25} years.",
    "Fracture of the [left|right] [wrist|ankle] in {1990-2022}, healed [in plaster|after plating].",
    "Gout, {1-4} attacks in {5-9} years.",
    "Irritable bowel symptoms, [colonoscopy normal|no investigation needed] in {2008-2023}.",
    "[Depression|Low mood] after [a bereavement|retirement] in {2010-2023}, [recovered|well now].",
    "Varicose veins stripped in {1988-2012}.",
    "Hearing aids for {2-15} years.",
    "Carpal tunnel release on the [right|left] in {2005-2023}.",
    "Reflux, [settled|better] with a [PPI|tablet at night].",
)
MEDICATIONS = (
    "amlodipine [5|10] mg [once daily|od]",
    "ramipril [2.5|5|10]mg [od|in the morning]",
    "atorvastatin [20|40|80] mg [nocte|at night]",
    "metformin [500|850] mg [bd|twice daily]",
    "levothyroxine [50|75|100] micrograms [od|daily]",
    "omeprazole [20|40]mg [od|before breakfast]",
    "paracetamol 1 g [prn|up to four times a day]",
    "bisoprolol [1.25|2.5|5] mg [od|mane]",
    "salbutamol 100 micrograms, {1-2} puffs [prn|when needed]",
    "allopurinol [100|200|300] mg [od|daily]",
    "sertraline [50|100]mg [od|daily]",
    "colecalciferol [800|1000] units [od|daily]",
    "latanoprost 50 micrograms/mL, one drop [nocte|at night]",
    "senna [7.5|15] mg [nocte|prn]",
    "clopidogrel 75mg [od|daily]",
    "tamsulosin 400 micrograms [od|daily]",
)
SOCIAL = (
    "Lives [alone|with a partner|with a daughter] in a [flat|house|bungalow], {1-4} steps to the door.",
    "[Never smoked.|Stopped smoking in {1985-2020}.|Smoked {5-20} a day until {2000-2022}.]",
    "[No alcohol.|About {2-14} units of alcohol a week.]",
    "Worked as a [teacher|driver|joiner|nurse|clerk|farmer], retired {2-20} years ago.",
    "Walks [the dog|to the shops], about {10-60} minutes a day.",
    "[Drives|No longer drives]; family nearby.",
    "Has a carer {1-3} times a week for [cleaning|shopping].",
    "Plays [bowls|cards|the piano] and [sings in a choir|keeps an allotment].",
)
SYSTEMS = (
    "No [fever|fevers], [sweats|night sweats] or [weight loss|loss of appetite].",
    "Sleeps {5-8} hours, [wakes once|wakes twice] to pass water.",
    "Appetite is [good|fair|unchanged].",
    "Bowels [open daily|regular], no blood seen.",
    "No headache, no change of vision.",
    "Occasional [ankle swelling|cramps] in the evening, [gone by the morning|no change for years].",
    "No rash, no joint swelling.",
    "Some [tiredness|fatigue] [on stairs|after lunch], put down to [age|poor sleep].",
    "Memory [good|as before], mood [bright|level].",
    "No falls [this year|since {2019-2024}].",
    "No cough to speak of, no wheeze at rest.",
)
EXAMINATION = (
    "BP {112-148}/{64-88} [mmHg|sitting], pulse {58-88} [regular|/min regular].",
    "Weight {52-104} kg, height {152-189} cm.",
    "Temp 36.{3-9} C, sats {95-99}[%| %] on air.",
    "Chest [clear|clear to the bases], heart sounds [normal|pure].",
    "Abdomen soft, no [mass|masses] felt, no tenderness.",
    "No [ankle|leg] oedema, pulses [present|palpable].",
    "Gait [steady|a little stiff], no tremor.",
    "Skin [intact|dry], {1-3} [seborrhoeic warts|small naevi] on the back.",
    "Mucosae [moist|pink], tongue clean, no nodes in the neck.",
    "Reflexes [symmetrical|present], power full.",
    "Cognition {26-30}/30 on the usual screen.",
)
LABS = (
    "Na {136-143} mmol/L, chloride {99-106} mmol/L.",
    "White cells {4-9}.{1-9} x10^9/L, platelets {160-380} x10^9/L.",
    "ALT {14-39} U/L, bilirubin {5-17} umol/L.",
    "CRP [<5|<4] mg/L, ESR {4-22} mm/h.",
    "TSH {1-3}.{1-9} mU/L.",
    "HbA1c {36-52} mmol/mol.",
    "Albumin {36-46} g/L, magnesium 0.{74-95} mmol/L.",
    "Haemoglobin {121-152} g/L, MCV {82-97} fL.",
    "Urine dip [negative|clear], pH {5-7}.",
    "B12 {220-640} ng/L.",
)
COURSE = (
    "The [past months|weeks since the last letter] were [quiet|uneventful] [apart from a cold|at home].",
    "A [fall|stumble] in the garden in {2022-2025} left [bruises|a graze] of {2-6} cm that healed [fast|well].",
    "[He|She] was [anxious|worried] about the [appointment|results] and had [written down questions|brought a list].",
    "We talked for {15-40} minutes, [an interpreter was present|a student sat in].",
    "The [previous|last] appointment was moved [twice|once] because of [transport|the weather|a clash].",
    "Physiotherapy was [finished|stopped] after {4-12} sessions with [some|clear] benefit.",
    "The [diary|log] shows home readings of {118-139}/{68-84} [on most days|in the mornings].",
    "Flu and pneumococcal vaccines were given in [September|October|November].",
    "[He|She] stays with [a sister|friends] [by the sea|in the north] for {2-6} weeks each [summer|spring].",
    "Diet was discussed: [salt|sugar|portions] [less than before|could come down], {1-3} litres of fluid a day.",
    "A trial of [a stocking|a splint|an inhaler] for {2-8} weeks made [little|no] difference.",
    "The [pharmacist|practice nurse] went through the tablets and stopped [one|two] that [were|was] no longer taken.",
    "[His|Her] [brother|mother|aunt] had [a hip replacement|shingles] at {50-79}, else nothing in the family.",
    "The letter from [the dentist|the optician] of {3-28} [March|May|July] was [filed|noted], nothing further needed.",
    "[He|She] asks about [travel insurance|driving|a blue badge]; forms went to the [ward clerk|secretary].",
    "Bone density in {2018-2024} gave a T score of -{0-1}.{1-9} at the hip.",
    "An ECG of {2018-2024} showed sinus rhythm of {58-82}/min, QRS {84-104} ms.",
    "An old film of {2004-2016} mentions a [healed rib fracture|cervical rib], length {20-45} mm, of no account.",
    "The waiting list for [podiatry|hearing aids|the dietitian] is {4-16} weeks.",
    "Spirometry in {2015-2023} was [normal|within limits], PEF {320-520} L/min.",
    "[Her|His] partner gave a history that [matched|added little].",
    "A course of antibiotics, {5-7} days, in [January|February|April] for [a tooth|a chest cold|a skin infection].",
    "Blood was taken from the [left|right] arm, [second attempt|no difficulty], {10-25} mL in all.",
    "The consent form for [teaching|the registry] was signed, copy {1-3} in the folder.",
)
CLOSINGS = (
    "I have [copied|sent] this letter to the patient.",
    "Dictated and [checked|not checked] by the author, typed {1-9} days later.",
    "Next steps will be set out by the [clinic|team] after triage of this letter.",
    "The patient has [our number|the nurse's number] for questions.",
    "No change of tablets was made [today|on the day].",
    "Yours sincerely, [the clinic doctor|the registrar|the specialist nurse].",
)
HEADINGS = {
    "history": ("Past history", "PMH", "Background"),
    "medications": ("Medications", "Current drugs", "Meds"),
    "social": ("Social history", "SH", "At home"),
    "systems": ("Systems review", "ROS", "Enquiry"),
    "examination": ("Examination", "O/E", "On examination"),
    "labs": ("Routine bloods", "Other bloods", "Screening bloods"),
    "course": ("Since the last visit", "Course", "Discussion", "Other matters"),
    "results": ("Results", "Investigations", "Reports"),
    "summary": ("Summary", "Impression", "Comment"),
}
POOLS = {
    "history": HISTORY,
    "medications": MEDICATIONS,
    "social": SOCIAL,
    "systems": SYSTEMS,
    "examination": EXAMINATION,
    "labs": LABS,
    "course": COURSE,
}
