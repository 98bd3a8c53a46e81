"""The status of each record, and the files and counts that report it. Imports no other room of the target."""
