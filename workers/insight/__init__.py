"""How patterns have done, and what a session's insights say."""
