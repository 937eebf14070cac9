//! Tests of the format as a whole.

mod schema;
