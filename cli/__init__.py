"""The command line, `talkbridge`, and the development servers; every rule about calls is left to `workflows`."""
