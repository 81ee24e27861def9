"""Who gives the second opinion: a language model, a person, another model, a record of votes; and what they agree on.

>>> from secondopinion.experts import Vote, consensus_labels
>>> votes = [Vote("r1", name, label) for name, label in (("a", "yes"), ("b", "yes"), ("c", "no"))]
>>> consensus_labels(votes).labels
{'r1': 'yes'}
"""

from ..core.lazy import lazy_exports

_EXPORTS = {
    "Consensus": ".consensus",
    "Expert": ".votes",
    "ExpertStopped": ".asking",
    "LlmExpert": ".llm",
    "ModelExpert": ".model",
    "PersonExpert": ".person",
    "Price": ".prices",
    "Prompt": ".prompts",
    "RecordedExpert": ".recorded",
    "Redactor": ".redaction",
    "ReviewQueue": ".review_queue",
    "ReviewRow": ".review_queue",
    "SeveralExperts": ".several",
    "SpendingCapReached": ".asking",
    "Vote": ".votes",
    "VoteStore": ".store",
    "Votes": ".votes",
    "agreement_figures": ".agreement",
    "check_votes": ".votes",
    "consensus_labels": ".consensus",
    "correlated_errors": ".agreement",
    "expert_figures": ".consensus",
    "export_sheet": ".review_sheet",
    "find_prompt": ".prompts",
    "import_sheet": ".review_sheet",
    "is_remote": ".access",
    "krippendorff_alpha": ".agreement",
    "leave_one_out": ".consensus",
    "open_store": ".store",
    "read_votes": ".votes",
    "require_allowed": ".access",
    "shipped_prompts": ".prompts",
    "write_votes": ".votes",
}

__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
