"""Settles what earlier runs left open: resends, scans for markers, decisions of a person, `journal rebuild`."""
