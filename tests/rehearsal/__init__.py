"""Long checks that are run by hand: kills and faults, hostile inputs, slips that tests should notice."""
