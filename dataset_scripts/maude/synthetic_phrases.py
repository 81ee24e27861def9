"""Authored phrases of the synthetic device reports: written for this project, none taken from a real report.

`[a|b]` is a choice (an empty branch is allowed), `{name}` a slot that the generator fills. The words that
give a class away in a keyword rule are spread over the classes on purpose: batteries die, sterile dates
expire, alarms are fatal errors, deaths are denied, and a part of the deaths is told without the word.
"""

from __future__ import annotations

from typing import NamedTuple


class Device(NamedTuple):
    """One invented product.

    Attributes:
        brand, generic, maker, code: what `device[]` of a report says.
        noun: how a narrative calls it.
        weights: how often a report of Death, Injury, Malfunction, Other is about it.
        faults: what went wrong, as whole clauses without a full stop.
        harms: what it did to a person who lived, after "the patient".
        ends: how a death came about, as whole clauses.
    """

    brand: str
    generic: str
    maker: str
    code: str
    noun: str
    weights: tuple[int, int, int, int]
    faults: tuple[str, ...]
    harms: tuple[str, ...]
    ends: tuple[str, ...]


DEVICES = (
    Device(
        "HALDEN V3",
        "PUMP, INFUSION",
        "NORTHMERE DEVICES (SYNTHETIC)",
        "ZZA",
        "[infusion |]pump",
        (5, 4, 6, 3),
        (
            "the pump [stopped|quit] [in the middle of|during] the infusion[ without an alarm|]",
            "the pump ran at [twice|ten times] the rate that was set",
            "the screen went dead [and could not be revived|and the keys did not answer]",
            "an air in line alarm [came up|sounded] although no air was seen",
            "the door latch was [cracked|loose] and the set slipped out",
            "the battery died [an hour after|soon after] it was charged",
        ),
        (
            "became [drowsy|hard to wake] and was given naloxone",
            "had low blood pressure and needed [fluids|a second vasopressor]",
            "was moved to intensive care[ overnight|] after the overdose",
        ),
        (
            "the pressor was interrupted, pressure fell and did not come back",
            "breathing had stopped when the nurse came in",
        ),
    ),
    Device(
        "CORALINE DR",
        "PACEMAKER, IMPLANTABLE",
        "TARN CARDIAC (SYNTHETIC)",
        "ZZB",
        "pacemaker",
        (4, 4, 4, 3),
        (
            "the [lead|device] showed [loss of capture|high thresholds|noise on the atrial channel]",
            "the generator reached its end of life indicator [years|months] early",
            "the device fell back to safety mode",
            "the lead had moved [since the last visit|on the film]",
            "telemetry could not be [opened|established] at follow-up",
        ),
        (
            "fainted and [broke a wrist|cut the scalp]",
            "had the lead revised [under sedation|the next morning]",
            "felt dizzy and was [admitted|kept] for a generator change",
            "had a pocket infection and the system was taken out",
        ),
        (
            "the rhythm went to standstill at home and the crew could not restore it",
            "the patient was found on the floor with no pulse",
        ),
    ),
    Device(
        "AEROVENT 40",
        "VENTILATOR, CONTINUOUS",
        "LOWICK RESPIRATORY (SYNTHETIC)",
        "ZZC",
        "ventilator",
        (6, 3, 6, 2),
        (
            "the ventilator [shut down|restarted] [on its own|while in use]",
            "the low pressure alarm did not sound when the tube came off",
            "a fatal error code [stayed|came up] on the screen",
            "delivered volumes read [lower|higher] than set",
            "the unit failed its self test after [cleaning|transport]",
        ),
        (
            "desaturated and was bagged by hand [for ten minutes|until a spare came]",
            "had a collapsed lung that needed a chest drain",
            "went into cardiac arrest and was resuscitated",
        ),
        (
            "saturation dropped to forty and the heart stopped",
            "the family chose comfort care and support was withdrawn",
        ),
    ),
    Device(
        "STRADA MH",
        "PROSTHESIS, HIP",
        "OSSLEY ORTHOPAEDICS (SYNTHETIC)",
        "ZZD",
        "hip implant",
        (1, 8, 2, 4),
        (
            "the [cup|stem|liner] [loosened|came loose] [after two years|over time]",
            "the head could not be seated on the taper",
            "the liner was found [chipped|worn] [on the tray|at exchange]",
            "the screw head stripped while it was tightened",
        ),
        (
            "had pain and high [cobalt|metal] levels and was revised",
            "dislocated twice and was operated on again",
            "could not walk and needed a revision of the [cup|stem]",
            "had an infected joint that was washed out",
        ),
        (
            "a clot went to the lungs on the second day after revision",
            "sepsis followed the wash-out and could not be controlled",
        ),
    ),
    Device(
        "GLYCA LINK",
        "MONITOR, GLUCOSE, CONTINUOUS",
        "MERIDAN SENSORS (SYNTHETIC)",
        "ZZE",
        "glucose sensor",
        (1, 5, 8, 5),
        (
            "the sensor read [eighty|one hundred] while the meter read [forty|two hundred ten]",
            "the low alert never [came|sounded]",
            "the app lost [the signal|its link] for [hours|the night]",
            "the sensor [fell off|expired] after [three|five] days",
            "the transmitter died and would not pair",
        ),
        (
            "had a seizure from low sugar and was given glucagon",
            "was taken to the emergency room with ketoacidosis",
            "had a rash and an abscess under the patch that was drained",
            "passed out and was treated by paramedics",
        ),
        (
            "the patient was found unresponsive in bed in the morning",
            "swelling of the brain followed and the scans showed no activity",
        ),
    ),
    Device(
        "TIDEWELL 2",
        "SYSTEM, HEMODIALYSIS",
        "FENNER RENAL (SYNTHETIC)",
        "ZZF",
        "dialysis machine",
        (4, 4, 4, 2),
        (
            "the venous line [came apart|leaked] [under the blanket|at the connector]",
            "the machine took off more fluid than was set",
            "the blood leak detector alarmed [again and again|with a new filter]",
            "conductivity was out of range [at start up|after the acid change]",
        ),
        (
            "lost [a unit|half a liter] of blood and was transfused",
            "cramped, lost consciousness and was given saline",
            "had chills and fever and was put on antibiotics",
        ),
        (
            "bleeding from the needle site was noticed too late",
            "the heart arrested in the third hour and did not restart",
        ),
    ),
    Device(
        "LINEA 60",
        "STAPLER, SURGICAL",
        "PELLOW SURGICAL (SYNTHETIC)",
        "ZZG",
        "stapler",
        (3, 5, 5, 2),
        (
            "the stapler [fired|cut] but the staples did not form",
            "the jaws would not open after firing",
            "the reload [fell apart|was empty] when it was taken from the pouch",
            "the handle locked [before|at] the first firing",
            "the package had expired [two months before|by the date on the label]",
        ),
        (
            "bled from the staple line and the case was opened",
            "had a leak on day four and went back to surgery",
            "lost more bowel than was planned",
        ),
        (
            "the leak was found late and organ failure followed",
            "the artery tore and the bleeding could not be stopped",
        ),
    ),
    Device(
        "VENARA PICC",
        "CATHETER, INTRAVASCULAR",
        "ESKER VASCULAR (SYNTHETIC)",
        "ZZH",
        "catheter",
        (2, 6, 5, 3),
        (
            "the catheter [broke|split] [near the hub|at the wing]",
            "the guide wire [frayed|kinked] during placement",
            "the hub leaked [when flushed|with each dose]",
            "the line would not [draw|flush]",
        ),
        (
            "needed a snare procedure to get the piece out",
            "had a clot in the arm and was put on blood thinners",
            "had a bloodstream infection and stayed [a week|ten days] longer",
        ),
        (
            "air entered the line and the patient collapsed within minutes",
            "a perforation filled the sac around the heart",
        ),
    ),
    Device(
        "AORIX TAV",
        "HEART VALVE, TRANSCATHETER",
        "TARN CARDIAC (SYNTHETIC)",
        "ZZJ",
        "valve",
        (7, 5, 2, 2),
        (
            "the valve [moved down|sat too low] on release",
            "a leak beside the valve was seen on echo",
            "the delivery system would not cross",
            "the loader was [bent|cracked] when unpacked",
        ),
        (
            "had a stroke and was left with a weak arm",
            "needed a pacemaker for heart block",
            "went to open surgery and recovered",
            "had a second valve placed inside the first",
        ),
        (
            "the root ruptured and surgeons could not close it",
            "a coronary was blocked and pressure never recovered",
        ),
    ),
    Device(
        "LIFEGATE P",
        "DEFIBRILLATOR, EXTERNAL",
        "CALDER RESCUE (SYNTHETIC)",
        "ZZK",
        "defibrillator",
        (6, 2, 7, 2),
        (
            "the defibrillator did not [charge|deliver the shock]",
            "the pads were not recognised",
            "the unit asked for service during [the daily check|a code]",
            "the battery was dead [on the cart|at inspection]",
        ),
        (
            "had burns under the pads",
            "was shocked by a second unit and regained a pulse",
        ),
        (
            "a second unit came after eight minutes but no rhythm returned",
            "efforts were stopped after forty minutes",
        ),
    ),
    Device(
        "SOMNA BED 9",
        "BED, AC-POWERED ADJUSTABLE",
        "WEXCOMBE CARE (SYNTHETIC)",
        "ZZL",
        "bed",
        (2, 5, 5, 4),
        (
            "the side rail [dropped|would not lock]",
            "the bed [went down|tilted] by itself",
            "the exit alarm was on but did not sound",
            "the brake [slipped|did not hold] on a flat floor",
        ),
        (
            "fell and broke a hip that was pinned",
            "had a finger crushed and stitched",
            "rolled out and had a bleed in the head",
        ),
        (
            "the resident was found with the neck between rail and mattress",
            "the head injury from the fall was too severe to treat",
        ),
    ),
    Device(
        "OPTIMA SCOPE",
        "ENDOSCOPE AND ACCESSORIES",
        "BRINKLEY OPTICS (SYNTHETIC)",
        "ZZM",
        "scope",
        (2, 4, 6, 4),
        (
            "the picture [went black|flickered] [half way through|during the exam]",
            "the tip cover came off [inside|in the airway]",
            "brown residue was found in the channel after reprocessing",
            "the angle knob was stuck",
        ),
        (
            "had a tear of the [bowel|gullet] that was clipped",
            "grew a resistant germ and was treated",
            "needed a second exam to remove the cover",
        ),
        (
            "an outbreak germ was grown from the blood on the last day",
            "the tear led to sepsis that did not yield",
        ),
    ),
)

OPENERS = (
    "it was reported that ",
    "the [customer|user facility|nurse|representative] reported that ",
    "according to the [account|reporter|clinic], ",
    "per the complaint, ",
    "a [family member|physician|technician] called to say that ",
    "",
    "",
)

# Before the fault: who, where. Says nothing of the outcome.
CONTEXTS = (
    "a {age}-year-old [man|woman|patient] had a {noun} [in use|placed|for {days} days].",
    "event date (B)(6), the {noun} was in use [at home|on the ward|in the theatre].",
    "a patient with [diabetes|heart failure|kidney disease|cancer] used the {noun}.",
    "a patient whose [father|brother] died of heart disease was treated with the {noun}.",
    "the {noun} had been in service for {days} days.",
    "a terminally ill patient in hospice had the {noun}.",
)

# One bag a way of telling; the generator picks the bag first, so that no single wording dominates.
DEATHS = {
    "plain": (
        "the patient [died|expired|passed away][ on (B)(6)| the same day| {days} days later|]",
        "[death|demise] occurred [the same evening|{days} days later|in the unit]",
        "the patient died and [the cause is not known|no autopsy was done|a link to the device is unknown]",
        "the outcome was fatal",
    ),
    "told": (
        "the patient was pronounced at (B)(6)",
        "the patient could not be revived[ despite forty minutes of effort|]",
        "resuscitation was [unsuccessful|stopped by the team]",
        "the coroner [has taken the device|was informed]",
        "the patient did not survive[ the night|]",
        "an autopsy is [pending|planned]",
        "the family lost their [mother|father|son] and asks for an inquiry",
        "the patient is deceased",
    ),
    "hedged": (
        "[death|the death] was judged [unrelated|due to the underlying disease] by the physician",
        "the patient had been discharged well but later [died|passed away] for reasons not told",
        "the event was first filed as an injury; the patient has since [died|expired]",
    ),
}

INJURIES = (
    "the patient {harm}",
    "the patient {harm} and has [since recovered|gone home|improved]",
    "the patient {harm}[; the outcome is not known| and remains in hospital|]",
    "after this the patient {harm}",
    "[staff noted that|as a result] the patient {harm}",
)

INJURY_EXTRAS = (
    "the patient survived",
    "the surgeon said it could have been fatal",
    "no death was reported",
    "the patient nearly died",
    "the device malfunctioned",
    "no malfunction was found",
    "additional surgery is planned",
    "the patient is recovering",
)

NO_HARM = (
    "[there was no|no] [harm|injury|patient impact] [reported|seen]",
    "no death or [serious injury|injury] was reported",
    "[a spare|another unit] was used and the [case|treatment] was finished",
    "the fault was found [before use|at the bench|during a check]; no patient was connected",
    "there was a delay of {days} minutes[, and no injury|]",
    "nobody was hurt, but it could have led to [death|a serious injury]",
    "the patient was not affected and did not need treatment",
    "the patient is fine",
    "no symptoms were told",
    "the unit was replaced",
    "it is not known whether a patient was involved",
)

OTHERS = (
    "the caller asked [how to return|for the recall status of] the {noun}",
    "the patient [felt uneasy|was worried|had a headache] and asks if the {noun} is the reason",
    "a law firm sent a claim about the {noun} with no details",
    "the article counted [six|nine] events with this {noun}, [two deaths among them|no injuries named]",
    "the patient [disliked|was not content with] the result of the {noun}",
    "the wrong size of {noun} was [opened|ordered] and the case was put off",
    "the {noun} was used past the date on the label",
    "the leaflet of the {noun} was missing a page",
    "a mild [itch|bruise|ache] was told[, which went by itself|]",
    "the user did not follow the steps for the {noun}",
)

CLOSES = (
    "the device was not returned",
    "the device is expected back for [analysis|review]",
    "[no further|no more] details were given",
    "the lot number is [unknown|not on file]",
    "the log shows [no fault|that the alarm history was erased]",
    "the maker¿s review is under way",
    "follow-up letters were not answered",
    "the unit passed all tests at the plant",
    "the complaint could not be confirmed",
    "the root cause is [not known|open]",
)

# Outcome codes of `patient[].sequence_number_outcome`, as openFDA spells them.
INJURY_OUTCOMES = ("Hospitalization", "Required Intervention", "Other", "Life Threatening", "Disability", "")
