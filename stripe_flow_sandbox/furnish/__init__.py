"""Objects of every kind, made without a request: by the controls, and at the start with `--furnish`."""
