"""The hospital course: what makes notes long, and names things about which the note tells nothing else."""

from __future__ import annotations

import re

from .sections import SectionWriter

# A name between braces is one of the patient's bystanders.
SENTENCES = (
    "Slept well and ate half of breakfast.",
    "Walked the hallway twice with the physical therapist.",
    "The night was quiet, and no calls were received from the nursing staff.",
    "Family was at the bedside and asked about the discharge date.",
    "Intake and output were recorded, and the diet was advanced as planned.",
    "The care plan was reviewed on rounds with nursing and pharmacy.",
    "Skin was intact on inspection, and the heels were offloaded.",
    "The patient was encouraged to use the incentive spirometer every hour while awake.",
    "An interpreter was offered and declined.",
    "Home services were discussed with the case manager, who will call the agency.",
    "No falls occurred, and the bed alarm remained on overnight.",
    "The insurance form was completed and returned to the ward clerk.",
    "Teaching on diet and activity was given, and the patient repeated it back.",
    "The peripheral line was replaced in the left forearm without difficulty.",
    "Code status was confirmed with the patient and is unchanged.",
    "The team agreed to continue the present course and to reassess in the morning.",
    "Visitors were limited because of the hour.",
    "The dietitian recommended smaller portions and a snack in the evening.",
    "Occupational therapy evaluated transfers and recommended a raised seat.",
    "The chaplain visited at the request of the family.",
    "A copy of the outside records was requested again by fax.",
    "The patient asked for a quieter room, which was arranged in the afternoon.",
    "Oral intake was fair, and fluids were encouraged.",
    "Position was changed every two hours during the night.",
    "A leaflet about {medication} was handed out, although it was not started.",
    "The pharmacist noted that {medication} is not on formulary; it was not given.",
    "The question of {procedure} was raised by the family, and it was felt not to be needed.",
    "The neighbor had {procedure} last year, which worried the patient; reassurance was given.",
    "A request for {study} was entered in error and withdrawn.",
    "The slot for {study} went to another patient, and it was not rebooked.",
    "A sample for {lab} was not sent.",
    "The tube for {lab} was mislabeled and thrown away.",
    "There was at no time a concern for {problem}.",
    "The possibility of {problem} was thought remote and not pursued.",
    "Nursing asked about {symptom}, and there was none.",
    "The patient was told to call if there should be {symptom}.",
)
_NAME = re.compile(r"\{(\w+)\}")


class CourseWriter(SectionWriter):
    """Writes the hospital course."""

    def course(self, words: int) -> None:
        """Write paragraphs, a day each, until there are so many words."""
        self.header("Hospital course", "Course", "Interval events")
        day, written, left = 0, 0, []
        while written < words:
            day += 1
            sentences = []
            for _ in range(self.draw.between(3, 6)):
                left = left or self.draw.several(SENTENCES, len(SENTENCES))
                sentences.append(_NAME.sub(self._bystander, left.pop()))
            paragraph = f"{self.draw.one(('Day', 'Hospital day', 'Visit'))} {day}: {' '.join(sentences)}"
            self.note.line(paragraph)
            written += len(paragraph.split())

    def _bystander(self, match: re.Match[str]) -> str:
        return self.draw.one(self.patient.bystanders[match[1]])
