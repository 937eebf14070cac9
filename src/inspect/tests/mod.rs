//! What real servers did with each spelling and sample, as tables.
