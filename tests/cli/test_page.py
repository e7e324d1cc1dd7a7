"""Formulas on pages: what browsers draw of LaTeX."""

import re

import pytest

from experiments import framework
from jaxmlp.cli.page import formula
from jaxmlp.errors import InputError


@pytest.mark.parametrize(
    ("latex", "drawn"),
    [
        (r"\arg \min_w f", '<mo movablelimits="true">arg min</mo>'),
        (r"\arg\max_k p", '<mo movablelimits="true">arg max</mo>'),
        (r"\arg z", "<mo>arg</mo>"),
        (r"\operatorname*{sign}(z)", "<mo>sign</mo>"),
        (r"\log a", '<mi>log</mi><mspace width="0.17em" /><mi>a</mi>'),
        (r"\log (a)", '<mi>log</mi><mo stretchy="false">(</mo>'),
        (r"a - b", "<mo>−</mo>"),
        (r"\Big\{ x \Big\}", '<mo minsize="1.623em" maxsize="1.623em">{</mo>'),
        (r"\big\| x \big\|", '<mo minsize="1.2em" maxsize="1.2em">‖</mo>'),
        (r"\text{a < b}", "<mtext>a\xa0&lt;\xa0b</mtext>"),
    ],
)
def test_formulas(latex, drawn):
    assert drawn in formula(latex).replace("\u2009", " ")


@pytest.mark.parametrize("latex", [r"\nosuch x", r"a_{\nosuch}", r"\text{a \nosuch}"])
def test_a_command_that_would_be_shown_as_letters(latex):
    with pytest.raises(InputError, match=r"a formula must be without .*nosuch"):
        formula(latex)


def test_inline_and_block():
    assert 'display="inline"' in formula("x", "inline")
    assert 'display="block"' in formula("x")


def test_the_formulas_of_all_experiments():
    """No letter of a formula is a command that was not understood."""
    for name in framework.names():
        math = formula(framework.load(name).ABOUT.formula)
        assert "\\" not in re.sub(r"<[^>]*>", "", math), name
