"""`talkbridge doctor`: what keeps an installation from working, and what mends it."""
