"""What earlier runs left open: asked for, scanned for, decided, rebuilt. Imports execution and all below it."""
