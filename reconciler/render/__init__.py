"""Turns plans, events, problems and outputs into text. Pure: everything here gives a string, nothing prints."""
