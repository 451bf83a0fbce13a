"""What the engine itself takes from a policy text: rules of intake, limits of append."""

from __future__ import annotations

from engine.append.appender import Limits
from engine.intake.model import Rules
from schemas.envelope import micros
from schemas.policy import PolicyText, duration


def rules_of(text: PolicyText) -> Rules:
    """What intake judges events by."""
    intake = text.intake
    return Rules(
        micros(intake.earliest),
        duration(intake.max_ahead),
        intake.max_event_bytes,
        ((name, channel.sources) for name, channel in text.channels.items()),
        text.default_channel,
        {name: channel.country for name, channel in text.channels.items()},
    )


def limits_of(text: PolicyText) -> Limits:
    """What append bounds."""
    return Limits(text.intake.new_streams_per_minute)
