"""Scenarios that come with the simulator, as JSON; ``scenario.py`` says how to read and write them."""
