"""What crosses a boundary: event types, parameter definitions, settings. No I/O."""
