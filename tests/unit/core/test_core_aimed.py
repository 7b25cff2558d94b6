from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import UnknownAddress
from reconciler.manifest.aimed import check
from reconciler.model import Address, Aim, Manifests, Removal, Resource

Make = Callable[..., Resource]
Remove = Callable[..., Removal]

GENOMICS, WEB, OLD, HAND = (
    Address.parse(text)
    for text in ("project/genomics", "client/genomics/web", "client/genomics/old", "credential/genomics/web/hand")
)


def manifests(*resources: Resource, removed: tuple[Removal, ...] = (), complete: bool = True) -> Manifests:
    return Manifests(Path(), None, {each.address: each for each in resources}, removed, complete=complete)


def refused(aim: Aim, said: Manifests, *bound: Address) -> str:
    with pytest.raises(UnknownAddress) as caught:
        check(aim, said, bound)
    return str(caught.value)


def test_what_is_wanted_bound_or_removed_can_be_named(resource: Make, removal: Remove) -> None:
    gone = Address.parse("policy/genomics/gone")
    said = manifests(resource(str(GENOMICS)), resource(str(WEB)), removed=(removal(str(gone)),))
    check(Aim(targets=(GENOMICS, OLD, gone), excluded=(WEB, OLD), replace=(WEB,)), said, [OLD])
    check(Aim(), said, [])


def test_what_leads_nowhere_is_refused_with_what_was_meant(resource: Make) -> None:
    said = manifests(resource(str(GENOMICS)), resource(str(WEB)))
    wrong = Address.parse("client/genomics/wep")
    for aim, option in ((Aim(targets=(wrong,)), "--target"), (Aim(excluded=(wrong,)), "--exclude")):
        assert refused(aim, said) == (
            f"{option} client/genomics/wep: there is none in the manifests, and none is bound; "
            "did you mean `client/genomics/web`?"
        )
    project = Aim(targets=(Address.parse("project/other"),))
    assert refused(project, said) == "--target project/other: there is none in the manifests, and none is bound"


def test_what_has_left_the_manifests_cannot_be_made_anew(resource: Make) -> None:
    said = manifests(resource(str(GENOMICS)))
    assert refused(Aim(replace=(OLD,)), said, OLD) == "--replace client/genomics/old: it has left the manifests"


def test_what_is_in_other_files_than_those_named_is_out_of_reach(resource: Make) -> None:
    said = manifests(resource(str(GENOMICS)), complete=False)
    assert "it is not in the files that were named" in refused(Aim(targets=(OLD,)), said, OLD)


def test_former_name_leads_to_the_name_of_now(resource: Make) -> None:
    said = manifests(resource(str(WEB), previously=[str(OLD)]))
    assert refused(Aim(excluded=(Address.parse("client/genomics/older"),)), said).startswith("--exclude")
    assert "it is client/genomics/web now" in refused(Aim(targets=(OLD,)), said)


def test_credential_that_is_only_looked_for_is_not_made_anew(resource: Make) -> None:
    said = manifests(resource(str(WEB)), resource(str(HAND)))
    assert "it has no `sink`, so it is only looked for" in refused(Aim(replace=(HAND,)), said)
    check(Aim(replace=(HAND,)), manifests(resource(str(HAND), sink={"file": {"path": "a.json"}})), [])
