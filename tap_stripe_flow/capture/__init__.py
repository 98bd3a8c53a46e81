"""Ways to read a stream: new objects, changes, objects by id, children. Imports windows, listing, streams."""
