"""Words for when somebody learned of something, which do not vary from run to run as times do."""

AT_ONCE = "at once"
SILENCE = "after 1.5 to 3 heartbeat intervals"
NEVER = "not while watched"
