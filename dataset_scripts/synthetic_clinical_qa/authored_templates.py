"""Our own templates: (kind of fact, logical form, paraphrases between ##).

The logical forms follow emrQA's: `x` is the answer, and the events that hold it decide the category. Where several do
(`MedicationEvent (x) OR ProcedureEvent (x)`), only the answer tells which it is.
"""

AUTHORED = (
    # Medication
    ("medication_dose", "MedicationEvent (|medication|) [dosage=x]",
     "What is the dose of |medication|?##How much |medication| does the patient take?##At what dose is |medication| "
     "prescribed?##Which strength of |medication| is listed?"),
    ("medication_frequency", "MedicationEvent (|medication|) [sig=x]",
     "How often is |medication| taken?##What is the frequency of |medication|?##How many times does the patient take"
     " |medication|?##On what schedule is |medication| given?"),
    ("medication_route", "MedicationEvent (|medication|) [route=x]",
     "By what route is |medication| given?##How is |medication| administered?##In what way does the patient take "
     "|medication|?"),
    ("medication_earlier_dose", "MedicationEvent (|medication|) [dosage=x, enddate<currentDate]",
     "What was the earlier dose of |medication|?##From what dose was |medication| changed?##How much |medication| "
     "was taken before the change?"),
    ("medication_start", "MedicationEvent (|medication|) [startdate=x]",
     "When was |medication| started?##Since when has the patient been on |medication|?##When did treatment with "
     "|medication| begin?"),
    ("medication_stop", "MedicationEvent (|medication|) [enddate=x]",
     "When was |medication| stopped?##On what date was |medication| discontinued?##When did the patient last take "
     "|medication|?"),
    ("medication_list", "MedicationEvent (x) [enddate>currentDate]",
     "Which medications does the patient take?##List the current medications.##What drugs is the patient on?"),
    ("medication_for", "MedicationEvent (x) given {ConditionEvent (|problem|) OR SymptomEvent (|problem|)}",
     "Which drug is taken for |problem|?##What was prescribed to treat |problem|?##Which medication is the patient's"
     " |problem| treated with?"),
    ("medication_and_dose_for",
     "MedicationEvent (x) [dosage=x] given {ConditionEvent (|problem|) OR SymptomEvent (|problem|)}",
     "Which drug and which dose are given for |problem|?##Name the medication for |problem| and its dose.##What does"
     " the patient take for |problem|, and how much of it?"),
    ("allergy_list", "MedicationEvent (x) causes {ConditionEvent (|reaction|) OR SymptomEvent (|reaction|)}",
     "What is the patient allergic to?##Which drugs are not tolerated?##Name the drug allergies."),
    ("medication_mention", "MedicationEvent (|medication|)",
     "Is |medication| mentioned anywhere?##Has the patient ever had |medication|?##Where does the note mention "
     "|medication|?"),
    # Diagnosis
    ("problem_date", "ConditionEvent (|problem|) [diagnosisdate=x]",
     "When was |problem| diagnosed?##Since when is |problem| known?##In what year was the diagnosis of |problem| "
     "made?##How long has the patient had |problem|?"),
    ("problem_status", "ConditionEvent (|problem|) [status=x]",
     "How well is |problem| controlled?##What is the state of the patient's |problem|?##What is the current status "
     "of |problem|?"),
    ("problem_list", "ConditionEvent (x) [status=chronic]",
     "Which chronic conditions does the patient have?##What is in the past medical history?##List the known "
     "diagnoses."),
    ("principal_diagnosis", "ConditionEvent (x) [type=principal]",
     "What is the principal diagnosis?##What is the working diagnosis of this visit?##Which condition explains the "
     "presentation?"),
    ("study_finding", "ProcedureEvent (|study|) reveals ConditionEvent (x)",
     "What did the |study| show?##What was found on the |study|?##Which diagnosis does the |study| support?##How was"
     " the |study| read?"),
    ("procedure_complication", "ProcedureEvent (|procedure|) causes ConditionEvent (x)",
     "What complication followed the |procedure|?##What went wrong after the |procedure|?##Which adverse event came "
     "after the |procedure|?"),
    # Symptoms
    ("chief_complaint", "SymptomEvent (x) [type=chief]",
     "What is the chief complaint?##What brought the patient in?##Why did the patient seek care?"),
    ("symptom_onset", "SymptomEvent (|symptom|) [onsetdate=x]",
     "When did the |symptom| begin?##Since when has there been |symptom|?##When was the |symptom| first noticed?"),
    ("symptom_severity", "SymptomEvent (|symptom|) [severity=x]",
     "How severe is the |symptom|?##How did the patient rate the |symptom|?##How bad is the |symptom|?"),
    ("symptom_worse", "SymptomEvent (|symptom|) [aggravatedby=x]",
     "What makes the |symptom| worse?##What brings on the |symptom|?##By what is the |symptom| aggravated?"),
    ("symptom_better", "SymptomEvent (|symptom|) [relievedby=x]",
     "What makes the |symptom| better?##What relieves the |symptom|?##With what does the |symptom| improve?"),
    ("symptom_list", "SymptomEvent (x)",
     "Which symptoms does the patient have?##What does the patient complain of?##List the symptoms that are present."),
    ("symptoms_denied", "SymptomEvent (x) [status=absent]",
     "Which symptoms does the patient deny?##What symptoms are absent?##For what was the review negative?"),
    ("related_symptoms", "ConditionEvent (|problem|) relates SymptomEvent (x)",
     "Which symptoms came with the |problem|?##How did the |problem| present?##What symptoms of |problem| were "
     "there?"),
    # Procedure
    ("procedure_date", "ProcedureEvent (|procedure|) [date=x]",
     "When was the |procedure| done?##What was the date of the |procedure|?##On what day did the patient undergo "
     "|procedure|?"),
    ("procedure_service", "ProcedureEvent (|procedure|) [performer=x]",
     "Who performed the |procedure|?##Which service did the |procedure|?##By whom was the |procedure| carried out?"),
    ("procedure_list", "ProcedureEvent (x)",
     "Which procedures has the patient had?##What is in the surgical history?##List the operations."),
    ("procedure_planned", "ProcedureEvent (x) [status=planned]",
     "Which procedure is planned?##What is the patient scheduled for?##What will be done as an outpatient?"),
    ("procedure_for", "ProcedureEvent (x) given {ConditionEvent (|problem|) OR SymptomEvent (|problem|)}",
     "Which procedure was done for |problem|?##What operation did the patient have because of |problem|?##How was "
     "|problem| treated surgically?"),
    ("study_of_symptom", "ProcedureEvent (x) conducted {ConditionEvent (|problem|) OR SymptomEvent (|problem|)}",
     "Which study was ordered for |problem|?##How was |problem| evaluated?##What imaging was done because of "
     "|problem|?"),
    # Lab Reports
    ("lab_value", "LabEvent (|test|) [result=x] OR VitalEvent (|test|) [result=x]",
     "What is the |test|?##What was the value of the |test|?##How high was the |test|?##What |test| was measured?"),
    ("lab_date", "LabEvent (|test|) [date=x]",
     "When was the |test| drawn?##What is the date of the |test|?##On which day was the |test| checked?"),
    ("lab_previous", "LabEvent (|test|) [result=x, date<currentDate]",
     "What was the previous |test|?##What had the |test| been before?##What was the last |test| before this one?"),
    ("labs_abnormal", "LabEvent (x) [abnormalResultFlag=Y]",
     "Which laboratory tests were abnormal?##What labs are out of range?##List the abnormal results."),
    ("labs_abnormal_with_values", "LabEvent (x) [result=x, abnormalResultFlag=Y]",
     "Which laboratory tests were abnormal, and what were their values?##Name the results out of range with their "
     "numbers.##What labs were off, and by how much?"),
    ("tests_pending", "LabEvent (x) [status=pending]",
     "Which results are pending?##What is still awaited?##Which test has not come back yet?"),
    ("vital_value", "VitalEvent (|test|) [result=x]",
     "What was the |test| on examination?##Give the |test| on arrival.##Which |test| was recorded?"),
    # Several categories
    ("problem_onset", "ConditionEvent (|problem|) [diagnosisdate=x] OR SymptomEvent (|problem|) [onsetdate=x]",
     "How long has there been |problem|?##Date of onset of |problem|?##Since when |problem|?"),
    ("medication_reason", "MedicationEvent (|medication|) given {ConditionEvent (x) OR SymptomEvent (x)}",
     "Why does the patient take |medication|?##For what is |medication| given?##What is the indication for "
     "|medication|?##What is |medication| treating?"),
    ("treatment_effect",
     "{MedicationEvent (|treatment|) OR ProcedureEvent (|treatment|)} improves/worsens/causes {ConditionEvent (x) OR"
     " SymptomEvent (x)}",
     "What happened after |treatment|?##How did the patient react to |treatment|?##What did |treatment| lead "
     "to?##Which problem came with |treatment|?"),
    ("study_reason", "ProcedureEvent (|test|) conducted {ConditionEvent (x) OR SymptomEvent (x)}",
     "Why was the |test| ordered?##What was the |test| meant to look into?##What prompted the |test|?"),
    ("planned",
     "MedicationEvent (x) [status=planned] OR ProcedureEvent (x) [status=planned] OR LabEvent (x) [status=planned]",
     "What is planned next?##What will be arranged?##What is the next step?##What is to be done after this visit?"),
    ("advised",
     "MedicationEvent (x) [advisedby=|service|] OR ProcedureEvent (x) [advisedby=|service|] OR LabEvent (x) "
     "[advisedby=|service|]",
     "What did |service| advise?##What was suggested by |service|?##What came of the consultation with "
     "|service|?##What does |service| want done?"),
    ("problem_mention", "ConditionEvent (|problem|) OR SymptomEvent (|problem|)",
     "Any |problem|?##Is there a mention of |problem|?##Does the patient have |problem|?"),
    ("treatment_for",
     "{MedicationEvent (x) OR ProcedureEvent (x)} given {ConditionEvent (|problem|) OR SymptomEvent (|problem|)}",
     "How was |problem| treated?##What is being done about |problem|?##Which treatment did |problem| get?##What did "
     "the patient receive for |problem|?"),
    ("treatment_reason",
     "{MedicationEvent (|treatment|) OR ProcedureEvent (|treatment|)} given {ConditionEvent (x) OR SymptomEvent (x)}",
     "What was the reason for |treatment|?##Why |treatment|?##What was |treatment| meant to help with?##For what did"
     " the patient get |treatment|?"),
    ("test_result", "LabEvent (|test|) [result=x] OR ProcedureEvent (|test|) [result=x]",
     "Result of |test|?##What came out of the |test|?##Findings of |test|?"),
    # None of the five
    ("smoking_amount", "SmokingUseEvent (x) [PackPerDay=x]",
     "How much does the patient smoke?##How many cigarettes a day?"),
    ("alcohol_amount", "AlcoholUseEvent (x)",
     "How much alcohol does the patient drink?##What is the alcohol intake?"),
    ("family_member", "FamilyHistoryEvent (|problem|)",
     "Who in the family had |problem|?##Which relative has |problem|?"),
)  # fmt: skip
