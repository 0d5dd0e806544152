"""The command line, `talkbridge`, and the development servers it runs; it leaves every rule about calls to `workflows`."""
