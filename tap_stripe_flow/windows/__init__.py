"""Half-open windows of time: planned, read, written, remembered. Imports listing."""
