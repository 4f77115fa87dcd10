"""What the emulator says on the wire: one module for each part of the API."""
