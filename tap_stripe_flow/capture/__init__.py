"""The ways to read: new objects, changes, by id, with their parent. Imports windows, listing, streams."""
