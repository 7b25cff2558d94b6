from reconciler.errors import Place, Problem
from reconciler.render import problems

HERE = Place("a.yaml", 3, 5)


def test_problems_say_where_what_and_what_was_meant() -> None:
    found = [
        Problem(Place("b.yaml", 1, 1), "no", "did you mean `yes`?"),
        Problem(HERE, "odd", warning=True),
        Problem(None, "all of it"),
    ]
    assert problems.text(found) == ("all of it\na.yaml:3:5: warning: odd\nb.yaml:1:1: no, did you mean `yes`?")


def test_problem_of_a_template_names_where_it_is_taken_too() -> None:
    place = Place("t.yaml", 1, 2, via=HERE)
    assert problems.line(Problem(place, "no", "write yes")) == (
        "t.yaml:1:2: no (in the template that is taken at a.yaml:3:5), write yes"
    )
    assert place == Place("t.yaml", 1, 2)
