"""Everything numeric: objectives, methods, flows, quantities and their error bars."""
