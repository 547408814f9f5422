"""The local stack: emulators, a Slack sink and the function, on one machine, for the demo, tests and benchmarks."""
