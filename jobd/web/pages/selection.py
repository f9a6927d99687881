"""Selection: which jobs the overview shows, as its form and its links write it in the address."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web

from jobd.core.view import JobState, JobView
from jobd.web.attention import Concern
from jobd.web.query import check_names, one_line, one_of, page_number

KEYS = ("q", "show", "tag", "owner", "page")
ATTENTION = "attention"  # whatever the concern is

_BY_SLUG: Mapping[str, Concern] = {concern.slug: concern for concern in Concern}
_STATES: Mapping[str, JobState] = {
    state.value: state for state in JobState if state.value.replace("_", "-") not in _BY_SLUG
}
# What the form offers: the word in the address, the words for people.
CHOICES: Mapping[str, str] = {
    "": "all jobs",
    ATTENTION: "what needs attention",
    **{slug: concern.value for slug, concern in _BY_SLUG.items()},
    **{name: name for name in _STATES},
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What somebody wants to see of the jobs; "" is everything."""

    q: str = ""
    show: str = ""
    tag: str = ""
    owner: str = ""
    page: int = 1

    def holds(self, view: JobView, concerns: Collection[Concern]) -> bool:
        """Return whether the job is meant."""
        about = view.job.about
        if self.owner and about.owner != self.owner:
            return False
        if self.tag and self.tag not in about.tags:
            return False
        return self._is_shown(view, concerns) and self._is_found(view)

    @property
    def is_everything(self) -> bool:
        """Whether no job is left out."""
        return not (self.q or self.show or self.tag or self.owner)

    def url(self, **changes: str | int) -> str:
        """Return the address of another selection, from the first page on."""
        # The names are fields: replace() refuses any other. Only the callers know the types.
        other = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        wishes = {key: getattr(other, key) for key in KEYS if getattr(other, key) not in ("", 1)}
        return f"/?{urlencode(wishes)}" if wishes else "/"

    def _is_shown(self, view: JobView, concerns: Collection[Concern]) -> bool:
        if self.show in _BY_SLUG:
            return _BY_SLUG[self.show] in concerns
        if self.show == ATTENTION:
            return bool(concerns)
        return not self.show or view.state == self.show

    def _is_found(self, view: JobView) -> bool:
        text = self.q.casefold()
        about = view.job.about
        texts = (view.job.name, about.description, about.owner, *about.tags)
        return not text or any(text in each.casefold() for each in texts)


def selection_in(request: web.Request) -> Selection:
    """Return what the address selects; what cannot be meant is a problem that says so."""
    check_names(request.query, KEYS, "query parameter")
    q, tag, owner = (one_line(request, key) for key in ("q", "tag", "owner"))
    return Selection(q, one_of(request, "show", CHOICES), tag, owner, page_number(request))
