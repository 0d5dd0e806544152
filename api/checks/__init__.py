"""Checks that `talkbridge doctor` and the page *Set-up* share: each looks at one thing and tells a `Finding`."""
