"""Refusals that Graph APIs tell apart and the core's errors do not, each with a ``code`` of its own. No IO."""

from __future__ import annotations

from patchbay.errors import Rejected


class OptedOut(Rejected):
    """The person stopped messages of this purpose."""

    code = "opted_out"


class MarketingHeld(Rejected):
    """The platform holds marketing back from this person for now; another try soon would be held back too."""

    code = "marketing_held"


class IdentityChanged(Rejected):
    """The person's identity key is another one now: they have to be verified again."""

    code = "identity_changed"


class TemplateRefused(Rejected):
    """The template, or what fills it, is against the platform's rules."""

    code = "template_refused"


class TemplateMissing(TemplateRefused):
    """There is no approved template of this name in this language."""

    code = "template_missing"


class TemplateParameters(TemplateRefused):
    """The variables do not fit the template."""

    code = "template_parameters"


class TemplatePaused(TemplateRefused):
    """The template is paused for its quality."""

    code = "template_paused"


class TemplateDisabled(TemplateRefused):
    """The template is switched off for good."""

    code = "template_disabled"
