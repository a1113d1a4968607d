"""The parts of a site: each enters in the books what it draws, gives and loses."""
