"""One file a section. Each has TITLE and measure(run), which prints and returns its raw figures."""
