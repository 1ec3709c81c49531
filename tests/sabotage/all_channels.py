"""What breaks when a case of all channels is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_EVERY = "tests/contract/test_channels.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("all 1", "channels/slack_receive.py", 'Refused(401, "The signature is wrong.")', "None",
           _EVERY + "a_request_that_is_not_authentic_is_refused"),
    Damage("all 12", "channels/slack.py", 'raise TryLater("Slack asked to slow down; the pause is not over.", left)', "pass",
           _EVERY + "slow_down_is_obeyed_and_nothing_overtakes"),
)  # fmt: skip
