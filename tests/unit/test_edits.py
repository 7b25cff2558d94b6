import pytest

from reconciler.edits import at_or_below, intents_kept, intents_moved, moved, renames
from reconciler.errors import CannotBind
from reconciler.journal import Intent
from reconciler.kinds import parse
from reconciler.model import Binding

ENTRIES = {
    parse(text): Binding(text)
    for text in (
        "project/p",
        "client/p/web",
        "client/p/web2",
        "scope/p/web/read",
        "credential/p/web/main",
        "client/q/x",
    )
}


def rename(old: str, new: str) -> dict[str, str]:
    return {str(one): str(other) for one, other in renames(ENTRIES, parse(old), parse(new)).items()}


def test_renames_take_everything_below_along() -> None:
    assert rename("client/p/web", "client/p/www") == {
        "client/p/web": "client/p/www",
        "scope/p/web/read": "scope/p/www/read",
        "credential/p/web/main": "credential/p/www/main",
    }
    assert rename("project/p", "project/z")["scope/p/web/read"] == "scope/z/web/read"
    assert rename("client/p/web", "client/q/web")["credential/p/web/main"] == "credential/q/web/main"


def test_renames_of_what_is_not_bound_still_take_what_is_below() -> None:
    assert rename("project/q", "project/z") == {"client/q/x": "client/z/x"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("client/p/web", "client/p/web2", "client/p/web2: is bound already"),
        ("client/p/web", "client/p/web", "client/p/web: is bound already"),
        ("client/p/none", "client/p/some", "is not bound, nor is anything below it"),
        ("client/p/web", "project/web", "is a client, and can never be a project"),
    ],
)
def test_renames_that_cannot_be_are_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(CannotBind, match=told):
        rename(old, new)


def test_renames_cover_nothing_below_up() -> None:
    entries = {**ENTRIES, parse("scope/p/www/read"): Binding("other")}
    with pytest.raises(CannotBind, match="scope/p/www/read: is bound already, to other"):
        renames(entries, parse("client/p/web"), parse("client/p/www"))


def test_moved_keeps_every_binding() -> None:
    after = moved(ENTRIES, renames(ENTRIES, parse("project/p"), parse("project/z")))
    assert sorted(binding.id for binding in after.values()) == sorted(binding.id for binding in ENTRIES.values())
    assert after[parse("scope/z/web/read")].id == "scope/p/web/read"


def test_at_or_below_knows_addresses_by_their_parts_and_not_by_their_letters() -> None:
    assert [str(each) for each in at_or_below(parse("client/p/web"), ENTRIES)] == [
        "client/p/web",
        "credential/p/web/main",
        "scope/p/web/read",
    ]


def test_intents_go_along_and_lost_secrets_stay_to_be_revoked() -> None:
    unanswered = Intent("1", "create", "create", parse("client/p/web"), {}, {})
    undelivered = Intent("2", "create", "create", parse("credential/p/web/main"), {}, {"mark": "ab", "parent": "c"})
    left = (unanswered, undelivered)
    renamed = intents_moved(left, parse("client/p/web"), parse("client/p/www"))
    assert [str(each.address) for each in renamed] == ["client/p/www", "credential/p/www/main"]
    assert intents_kept(left, [unanswered.address, undelivered.address]) == (undelivered,)
