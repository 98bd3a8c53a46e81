"""Half-open time windows: plan, read, commit, and the state that remembers them. Imports only `listing`."""
