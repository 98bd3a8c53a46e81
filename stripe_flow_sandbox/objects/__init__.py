"""The resources: the operations on each type of object."""
